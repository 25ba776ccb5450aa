//! Where a name leads: addresses, and what a service record says about them.

use std::{net::IpAddr, sync::Arc};

/// One place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub ip: IpAddr,
    /// From a service record, if it was one that led here.
    pub service: Option<Service>,
}

/// What a service record says of a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Service {
    /// Zero leaves the choice to whoever asks.
    pub port: u16,
    pub weight: u16,
    /// The host it names.
    pub name: Arc<str>,
}

impl Place {
    /// An address by itself.
    pub fn of(ip: IpAddr) -> Self {
        Place { ip, service: None }
    }

    /// The port it says, or else this one.
    pub fn port_or(&self, port: u16) -> u16 {
        match &self.service {
            Some(service) if service.port > 0 => service.port,
            _ => port,
        }
    }

    /// The weight it says. Kong: zero counts as one.
    pub fn weight(&self) -> Option<u32> {
        self.service
            .as_ref()
            .map(|service| u32::from(service.weight.max(1)))
    }

    /// The host it says.
    pub fn name(&self) -> Option<&Arc<str>> {
        self.service.as_ref().map(|service| &service.name)
    }
}

/// The place whose turn it is: all in turn, those of service records as often as their weights say.
pub(crate) fn in_turn(places: &[Place], turn: usize) -> Option<&Place> {
    let weight = |place: &Place| place.weight().unwrap_or(1) as usize;
    let total: usize = places.iter().map(weight).sum();
    let mut left = turn.checked_rem(total)?;
    places.iter().find(|place| {
        let own = weight(place);
        let is_it = left < own;
        left = left.saturating_sub(own);
        is_it
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(last: u8, service: Option<(u16, u16)>) -> Place {
        Place {
            ip: [10, 0, 0, last].into(),
            service: service.map(|(port, weight)| Service {
                port,
                weight,
                name: "h.test".into(),
            }),
        }
    }

    fn turns(places: &[Place], count: usize) -> Vec<Option<usize>> {
        let at = |turn| {
            let found = in_turn(places, turn)?;
            places.iter().position(|place| place == found)
        };
        (0..count).map(at).collect()
    }

    #[test]
    fn places_take_turns_by_weight() {
        assert_eq!(turns(&[], 1), [None]);
        let plain = [place(1, None), place(2, None)];
        assert_eq!(turns(&plain, 4), [Some(0), Some(1), Some(0), Some(1)]);
        let weighed = [place(1, Some((80, 2))), place(2, Some((80, 0)))];
        assert_eq!(turns(&weighed, 4), [Some(0), Some(0), Some(1), Some(0)]);
    }

    #[test]
    fn a_service_record_may_leave_the_port_open() {
        assert_eq!(place(1, Some((81, 1))).port_or(80), 81);
        assert_eq!(place(1, Some((0, 1))).port_or(80), 80);
        assert_eq!(place(1, None).port_or(80), 80);
    }
}
