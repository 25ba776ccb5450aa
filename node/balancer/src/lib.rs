//! troop-balancer.
