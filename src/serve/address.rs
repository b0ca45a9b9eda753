//! Whose request it is, as far as addresses can tell.
//!
//! A connection's address is a fact; `X-Forwarded-For` is what somebody wrote. It is believed only
//! of the proxies that the operator trusts, from the right, as far as they wrote it: the first
//! address that is none of theirs is the caller's.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use axum::http::{HeaderMap, HeaderName};
use ipnet::IpNet;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Proxies that one request may have come through; beyond, what they say is not read.
const MOST_HOPS: usize = 16;

/// The address of a caller, or of the other end of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Peer(IpAddr);

impl Peer {
    pub(super) fn of(address: SocketAddr) -> Self {
        Self(address.ip().to_canonical())
    }

    /// The address itself, for people.
    pub(super) fn address(self) -> IpAddr {
        self.0
    }

    /// What belongs to one caller: an IPv4 address, or the 64 bits of an IPv6 network, in which
    /// everybody may take as many addresses as they like.
    pub(super) fn network(self) -> IpAddr {
        match self.0 {
            IpAddr::V4(_) => self.0,
            IpAddr::V6(address) => {
                Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64)).into()
            }
        }
    }
}

/// The proxies that are believed.
pub(super) struct Proxies(Vec<IpNet>);

impl Proxies {
    pub(super) fn new(networks: Vec<IpNet>) -> Self {
        Self(networks)
    }

    /// Whether this is one of them.
    pub(super) fn trust(&self, peer: Peer) -> bool {
        self.0.iter().any(|network| network.contains(&peer.0))
    }

    /// Who asked, over a connection from `peer`.
    pub(super) fn caller(&self, peer: Peer, headers: &HeaderMap) -> Peer {
        let mut caller = peer;
        let lines = headers.get_all(FORWARDED_FOR).into_iter().rev();
        let hops = lines.flat_map(|line| line.to_str().unwrap_or_default().rsplit(','));
        for hop in hops.take(MOST_HOPS) {
            if !self.trust(caller) {
                break;
            }
            // Some write the port too.
            let hop = hop.trim();
            let address = hop.parse().ok();
            let address = address.or_else(|| hop.parse().ok().map(|at: SocketAddr| at.ip()));
            match address {
                Some(address) => caller = Peer(IpAddr::to_canonical(&address)),
                None => break,
            }
        }
        caller
    }
}
