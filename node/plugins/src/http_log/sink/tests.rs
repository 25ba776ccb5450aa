//! What a collector is sent, and when it counts as taken.

use super::*;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

fn collector(endpoint: &str, more: &Value) -> Result<Collector, Misconfigured> {
    let mut config = json!({"http_endpoint": endpoint, "queue": {"max_batch_size": 1}, "timeout": 5_000});
    let object = config.as_object_mut().expect("an object");
    object.extend(more.as_object().cloned().expect("an object"));
    Collector::configure(object)
}

/// Sends a bundle to a collector that answers with this status; what it read.
async fn delivered(more: Value, bundle: &[&'static str], status: u16) -> (Result<(), Undelivered>, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let served = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("a connection");
        let mut read = vec![0; 4096];
        let bytes = stream.read(&mut read).await.expect("a request");
        let answer = format!("HTTP/1.1 {status} x\r\ncontent-length: 0\r\n\r\n");
        stream.write_all(answer.as_bytes()).await.expect("answered");
        String::from_utf8_lossy(&read[..bytes]).into_owned()
    });
    let endpoint = format!("http://us%20er:pw@{address}/in?x=1");
    let mut collector = collector(&endpoint, &more).expect("a collector");
    let bundle: Vec<Bytes> = bundle.iter().map(|text| Bytes::from(*text)).collect();
    let taken = collector.deliver(&bundle).await;
    (taken, served.await.expect("served"))
}

#[tokio::test]
async fn one_record_is_sent_as_it_is_and_several_as_a_list() {
    let (taken, request) = delivered(json!({"headers": {"x-a": "1"}}), &["{\"a\":1}"], 200).await;
    assert!(taken.is_ok());
    assert!(request.starts_with("POST /in?x=1 HTTP/1.1\r\n"), "{request}");
    for line in [
        "x-a: 1\r\n",
        "content-type: application/json\r\n",
        "authorization: Basic dXMgZXI6cHc=\r\n",
    ] {
        assert!(request.contains(line), "{request}");
    }
    assert!(request.ends_with("\r\n\r\n{\"a\":1}"), "{request}");
    let several = json!({"queue": {"max_batch_size": 3}, "method": "PUT"});
    let (_, request) = delivered(several.clone(), &["1", "2"], 200).await;
    assert!(
        request.starts_with("PUT ") && request.ends_with("[1,2]"),
        "{request}"
    );
    let (_, request) = delivered(several, &["1"], 200).await;
    assert!(request.ends_with("[1]"), "{request}");
}

#[tokio::test]
async fn only_an_answer_below_300_means_taken() {
    for (status, refused) in [(201, None), (301, Some(301)), (503, Some(503))] {
        let (taken, _) = delivered(json!({}), &["1"], status).await;
        let told = match taken {
            Ok(()) => None,
            Err(Undelivered::Refused(told)) => Some(told),
            Err(other) => panic!("{other}"),
        };
        assert_eq!(told, refused);
    }
}

#[test]
fn an_endpoint_that_is_no_http_is_a_wrong_configuration() {
    for endpoint in ["ftp://a.test", "{vault://env/x}", "a.test"] {
        assert!(collector(endpoint, &json!({})).is_err(), "{endpoint}");
    }
}
