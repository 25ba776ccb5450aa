//! What is reported, and how much of it is too much.
//!
//! An operator writes two lists of HTTP statuses, those that speak for a peer and those against
//! it, and how many of each kind count. A status on neither list says nothing: a 404 is the
//! client's mistake more often than the peer's.

/// How a try at a peer went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Report {
    /// It answered as a healthy peer does.
    Success,
    /// It answered with a status that counts against it.
    HttpFailure,
    /// The connection could not be made or broke.
    TcpFailure,
    /// It took too long.
    Timeout,
}

/// How many reports of a kind, without one to the contrary, make a peer change sides; 0 means
/// that reports of the kind are not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Limits {
    /// Successes that bring a peer up.
    pub successes: u8,
    /// Statuses that take it down.
    pub http_failures: u8,
    /// Connection failures that take it down.
    pub tcp_failures: u8,
    /// Timeouts that take it down.
    pub timeouts: u8,
}

impl Limits {
    /// The limit for one kind of report.
    pub fn of(&self, report: Report) -> u8 {
        match report {
            Report::Success => self.successes,
            Report::HttpFailure => self.http_failures,
            Report::TcpFailure => self.tcp_failures,
            Report::Timeout => self.timeouts,
        }
    }
}

/// Which statuses speak for a peer and which against it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StatusRule {
    healthy: Box<[u16]>,
    unhealthy: Box<[u16]>,
}

impl StatusRule {
    /// A rule from the two lists.
    pub fn new(healthy: &[u16], unhealthy: &[u16]) -> Self {
        StatusRule {
            healthy: healthy.into(),
            unhealthy: unhealthy.into(),
        }
    }

    /// What a status says, if anything. Kong: the healthy list is looked at first.
    pub fn read(&self, status: u16) -> Option<Report> {
        if self.healthy.contains(&status) {
            Some(Report::Success)
        } else if self.unhealthy.contains(&status) {
            Some(Report::HttpFailure)
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_on_neither_list_says_nothing() {
        let rule = StatusRule::new(&[200, 302], &[429, 500]);
        let read = [200, 429, 404].map(|status| rule.read(status));
        assert_eq!(read, [Some(Report::Success), Some(Report::HttpFailure), None]);
    }
}
