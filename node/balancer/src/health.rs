//! From reports to up or down: the health of one peer.
//!
//! Like a referee's notebook: every foul is noted in its own column (answers, connections,
//! timeouts), fair play is noted too and wipes the fouls, and when a column is full the player
//! leaves the field or may come back. The notebook does not care whether a report came from a
//! probe or from a client's request; only the limits differ.
//!
//! The catch: a limit of 0 means the operator does not count that kind of report *at all*. With
//! `successes` at 0 a success is not even read, so it wipes nothing, and failures add up over
//! hours until they reach their limit. Kong behaves so, and configurations rely on it.
//!
//! Probes are sent, and passive reports made, elsewhere. There is no time in here: when to probe
//! again is a matter of intervals, not of state.

mod limits;
mod shared;

pub use self::limits::{Limits, Report, StatusRule};
pub use self::shared::SharedHealth;

/// What is known about one peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PeerHealth {
    state: State,
    successes: u8,
    http_failures: u8,
    tcp_failures: u8,
    timeouts: u8,
}

/// Where a peer stands. The `Mostly` states are up or down like their pure ones; they tell that
/// reports to the contrary have begun to come in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum State {
    /// Up.
    #[default]
    Healthy,
    /// Up, with failures counted.
    MostlyHealthy,
    /// Down, with successes counted.
    MostlyUnhealthy,
    /// Down.
    Unhealthy,
}

/// A peer that changed sides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// It may be picked again.
    CameUp,
    /// It is to be picked no more.
    WentDown,
}

impl PeerHealth {
    /// Where the peer stands.
    pub fn state(&self) -> State {
        self.state
    }

    /// Whether the peer may be picked.
    pub fn is_up(&self) -> bool {
        matches!(self.state, State::Healthy | State::MostlyHealthy)
    }

    /// Notes a report; tells when it made the peer change sides.
    pub fn report(&mut self, report: Report, limits: &Limits) -> Option<Turn> {
        let limit = limits.of(report);
        if limit == 0 || self.is_old_news(report) {
            return None;
        }
        let was_up = self.is_up();
        let count = self.count(report);
        self.state = self.judge(report, count >= limit);
        self.turn_since(was_up)
    }

    /// Puts the peer up or down by hand and forgets what was counted.
    pub fn set(&mut self, up: bool) -> Option<Turn> {
        let was_up = self.is_up();
        let state = if up { State::Healthy } else { State::Unhealthy };
        *self = PeerHealth {
            state,
            ..PeerHealth::default()
        };
        self.turn_since(was_up)
    }

    /// A report that says what is the case already, without doubt, changes nothing.
    fn is_old_news(&self, report: Report) -> bool {
        match report {
            Report::Success => self.state == State::Healthy,
            _ => self.state == State::Unhealthy,
        }
    }

    /// Counts the report in its column. A success wipes all failures, a failure the successes;
    /// failures of different kinds leave each other alone.
    fn count(&mut self, report: Report) -> u8 {
        match report {
            Report::Success => {
                *self = PeerHealth {
                    state: self.state,
                    successes: self.successes,
                    ..PeerHealth::default()
                };
            }
            _ => self.successes = 0,
        }
        let column = match report {
            Report::Success => &mut self.successes,
            Report::HttpFailure => &mut self.http_failures,
            Report::TcpFailure => &mut self.tcp_failures,
            Report::Timeout => &mut self.timeouts,
        };
        *column = column.saturating_add(1);
        *column
    }

    fn judge(&self, report: Report, limit_reached: bool) -> State {
        match (report, limit_reached) {
            (Report::Success, true) => State::Healthy,
            (_, true) => State::Unhealthy,
            (Report::Success, false) if self.state == State::Unhealthy => State::MostlyUnhealthy,
            (Report::Success, false) => self.state,
            (_, false) if self.state == State::Healthy => State::MostlyHealthy,
            (_, false) => self.state,
        }
    }

    fn turn_since(&self, was_up: bool) -> Option<Turn> {
        match (was_up, self.is_up()) {
            (false, true) => Some(Turn::CameUp),
            (true, false) => Some(Turn::WentDown),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Report::{HttpFailure, Success, TcpFailure, Timeout};
    use super::*;

    const LIMITS: Limits = Limits {
        successes: 1,
        http_failures: 3,
        tcp_failures: 2,
        timeouts: 2,
    };

    /// Reports in order, and the state after each.
    fn check(limits: Limits, timeline: &[(Report, State)]) {
        let mut health = PeerHealth::default();
        for (at, (report, expected)) in timeline.iter().enumerate() {
            health.report(*report, &limits);
            assert_eq!(health.state(), *expected, "after report {at} of {timeline:?}");
        }
    }

    #[test]
    fn a_success_in_between_wipes_the_failures() {
        use State::{Healthy, MostlyHealthy, Unhealthy};
        let timeline = [
            (HttpFailure, MostlyHealthy),
            (HttpFailure, MostlyHealthy),
            (Success, Healthy),
            (HttpFailure, MostlyHealthy),
            (HttpFailure, MostlyHealthy),
            (HttpFailure, Unhealthy),
        ];
        check(LIMITS, &timeline);
    }

    #[test]
    fn successes_that_are_not_counted_wipe_nothing() {
        use State::{MostlyHealthy, Unhealthy};
        let timeline = [
            (HttpFailure, MostlyHealthy),
            (Success, MostlyHealthy),
            (HttpFailure, MostlyHealthy),
            (Success, MostlyHealthy),
            (HttpFailure, Unhealthy),
        ];
        check(
            Limits {
                successes: 0,
                ..LIMITS
            },
            &timeline,
        );
    }

    #[test]
    fn each_kind_of_failure_has_its_own_column() {
        use State::{MostlyHealthy, Unhealthy};
        let limits = Limits {
            http_failures: 2,
            ..LIMITS
        };
        check(
            limits,
            &[
                (HttpFailure, MostlyHealthy),
                (TcpFailure, MostlyHealthy),
                (HttpFailure, Unhealthy),
            ],
        );
        check(
            limits,
            &[
                (Timeout, MostlyHealthy),
                (TcpFailure, MostlyHealthy),
                (Timeout, Unhealthy),
            ],
        );
    }

    #[test]
    fn a_report_with_a_limit_of_zero_is_not_read() {
        check(
            Limits::default(),
            &[(HttpFailure, State::Healthy), (TcpFailure, State::Healthy)],
        );
    }

    #[test]
    fn a_peer_comes_up_after_as_many_successes_as_asked_for() {
        let limits = Limits {
            successes: 2,
            tcp_failures: 1,
            ..LIMITS
        };
        let mut health = PeerHealth::default();
        assert_eq!(health.report(TcpFailure, &limits), Some(Turn::WentDown));
        assert_eq!(health.report(Success, &limits), None);
        assert_eq!(health.state(), State::MostlyUnhealthy);
        assert_eq!(health.report(Success, &limits), Some(Turn::CameUp));
    }

    #[test]
    fn a_hand_that_sets_the_state_also_clears_the_counts() {
        let mut health = PeerHealth::default();
        health.report(TcpFailure, &LIMITS);
        assert_eq!(health.set(false), Some(Turn::WentDown));
        assert_eq!(health.set(false), None);
        assert_eq!(health.set(true), Some(Turn::CameUp));
        assert_eq!(health, PeerHealth::default());
    }

    #[test]
    fn counts_stop_at_their_ceiling_instead_of_starting_over() {
        let limits = Limits {
            http_failures: 255,
            ..Limits::default()
        };
        let mut health = PeerHealth::default();
        let turns = (0..300)
            .filter(|_| health.report(HttpFailure, &limits).is_some())
            .count();
        assert_eq!(turns, 1);
        assert!(!health.is_up());
    }
}
