//! schemathesis: whether the API keeps to what it says of itself.

use super::{at_a_follower, file, python, run};

/// How long it may try. The seed is fixed; what it reaches in this time is not, on machines of different speed.
const SECONDS: &str = "50";

#[test]
#[ignore = "needs schemathesis; ./ci test runs it"]
fn no_request_leads_to_a_5xx_or_to_an_answer_that_the_document_does_not_allow() {
    at_a_follower(|_, url| {
        let mut judge = python();
        judge.arg(file("conform.py")).args([url, SECONDS]);
        run(judge).expecting(0);
    });
}
