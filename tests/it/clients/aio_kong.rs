//! aio-kong: the Python client that talks as a program does, object by object.

use super::{at_a_follower, file, python, run};

#[test]
#[ignore = "needs aio-kong; ./ci test runs it"]
fn a_program_that_uses_aio_kong_does_all_it_does_with_kong() {
    at_a_follower(|_, url| {
        let mut flows = python();
        flows.arg(file("aio_kong_flows.py")).arg(url);
        flows.arg(file("deck/shop.crt")).arg(file("deck/shop.key"));
        run(flows).expecting(0);
    });
}
