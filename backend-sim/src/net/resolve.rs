//! Names to addresses.

use super::ids::HostId;
use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// The addresses of `name:port`: an address is itself, `localhost` both of loopback's, a host's name its address.
pub(super) fn resolve(
    target: &str,
    find: impl FnOnce(&str) -> Option<HostId>,
) -> io::Result<Vec<SocketAddr>> {
    if let Ok(addr) = target.parse() {
        return Ok(vec![addr]);
    }
    let invalid = || io::Error::new(ErrorKind::InvalidInput, "expected a host and a port, as in server:80");
    let (name, port) = target.rsplit_once(':').ok_or_else(invalid)?;
    let port = port.parse().map_err(|_| invalid())?;
    let ips: Vec<IpAddr> = match find(name) {
        Some(host) => vec![host.ip().into()],
        None if name == "localhost" => vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()],
        None => {
            return Err(io::Error::new(ErrorKind::NotFound, format!("no host is called {name:?}")));
        }
    };
    Ok(ips.into_iter().map(|ip| SocketAddr::new(ip, port)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_addresses() {
        let table: [(&str, &[&str]); 6] = [
            ("server:80", &["10.0.0.2:80"]),
            ("localhost:80", &["127.0.0.1:80", "[::1]:80"]),
            ("10.0.0.9:80", &["10.0.0.9:80"]),
            ("[::1]:80", &["[::1]:80"]),
            ("server:0", &["10.0.0.2:0"]),
            ("my:own:80", &["10.0.0.2:80"]),
        ];
        for (target, expected) in table {
            let found = resolve(target, |name| matches!(name, "server" | "my:own").then_some(HostId(1)));
            let found: Vec<_> = found.expect("it is known").iter().map(ToString::to_string).collect();
            assert_eq!(found, expected, "{target}");
        }
    }

    #[test]
    fn what_is_no_name_and_port_is_an_error() {
        let table = [
            ("nobody:80", ErrorKind::NotFound),
            (":80", ErrorKind::NotFound),
            ("server", ErrorKind::InvalidInput),
            ("server:", ErrorKind::InvalidInput),
            ("server:http", ErrorKind::InvalidInput),
            ("server:65536", ErrorKind::InvalidInput),
            ("server:-1", ErrorKind::InvalidInput),
            ("", ErrorKind::InvalidInput),
            ("no port", ErrorKind::InvalidInput),
        ];
        for (target, kind) in table {
            let error = resolve(target, |name| (name == "server").then_some(HostId(1))).expect_err(target);
            assert_eq!(error.kind(), kind, "{target}");
        }
        let error = resolve("nobody:80", |_| None).expect_err("nobody");
        assert!(error.to_string().contains("\"nobody\""), "{error}");
    }
}
