//! Heads of requests and responses, and bodies in chunks, as strangers may write them.
#![no_main]

use libfuzzer_sys::fuzz_target;
use troop_gateway::fuzzing;

fuzz_target!(|bytes: &[u8]| {
    fuzzing::client_head(bytes);
    fuzzing::peer_head(bytes);
    fuzzing::chunks(bytes);
});
