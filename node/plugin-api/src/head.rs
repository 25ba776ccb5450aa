//! A read-only view of a message head, whatever codec parsed it.

/// The head of a request or of a response as it arrived.
///
/// Names are lower-case. Values are raw bytes: HTTP does not promise text.
pub trait Head {
    /// The method as sent; empty for a response.
    fn method(&self) -> &str;

    /// Path and query as sent; empty for a response.
    fn target(&self) -> &str;

    /// The first value of a field.
    fn first(&self, name: &str) -> Option<&[u8]>;

    /// Calls `visit` for each value of a field, in order.
    fn each_of(&self, name: &str, visit: &mut dyn FnMut(&[u8]));

    /// Calls `visit` for each field, in order.
    fn each(&self, visit: &mut dyn FnMut(&str, &[u8]));
}
