//! Where webhooks may lead: an address in the county's own network is a way past its doors.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Whether an address is one of the public internet's, which any program may be asked to reach.
///
/// Refused is what the registries of special-purpose addresses (RFC 6890 and IANA's tables) do not
/// call globally reachable, and every IPv6 form that carries an IPv4 address inside.
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let special = match a {
        // This network; private; loopback.
        0 | 10 | 127 => true,
        // Shared by carriers (RFC 6598).
        100 => (64..128).contains(&b),
        // Link-local, where clouds keep their keys.
        169 => b == 254,
        172 => (16..32).contains(&b),
        // Private; protocol assignments; documentation; the old relay of 6to4.
        192 => b == 168 || (b == 0 && (c == 0 || c == 2)) || (b == 88 && c == 99),
        // Benchmarks; documentation.
        198 => b == 18 || b == 19 || (b == 51 && c == 100),
        203 => b == 0 && c == 113,
        // Multicast, reserved, broadcast.
        224..=255 => true,
        _ => false,
    };
    !special
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let [a, b, ..] = address.segments();
    // Only 2000::/3 is given out; in it: Teredo and other protocols, documentation, 6to4, SRv6.
    let given_out = a & 0xe000 == 0x2000;
    let special = (a == 0x2001 && (b < 0x0200 || b == 0x0db8)) || a == 0x2002;
    let documentation = a == 0x3fff && b < 0x1000;
    given_out && !special && !documentation
}

/// The place that a webhook's address names, as far as its text tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The host, in lower case, without brackets.
    pub host: String,
    /// Whether it is reached by HTTPS.
    pub secure: bool,
}

/// Why an address is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BadAddress {
    /// It is no absolute `https://` address, or has a user, a fragment or odd characters.
    Shape,
    /// It is reached by plain HTTP, or lies inside, and the settings do not name it.
    NotAllowed,
}

/// Reads a webhook's address and holds it against what is allowed: HTTPS and public addresses, and
/// the hosts that the settings name. Names are held against it again when they are resolved.
///
/// # Errors
/// [`BadAddress`].
pub fn place_of(url: &str, trusted: &[String]) -> Result<Place, BadAddress> {
    let (secure, rest) = match (url.strip_prefix("https://"), url.strip_prefix("http://")) {
        (Some(rest), _) => (true, rest),
        (None, Some(rest)) => (false, rest),
        (None, None) => return Err(BadAddress::Shape),
    };
    let plain = |c: char| c.is_ascii_graphic() && !matches!(c, '"' | '<' | '>' | '\\' | '#' | '`');
    if !url.chars().all(plain) {
        return Err(BadAddress::Shape);
    }
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    let host = host_of(authority).ok_or(BadAddress::Shape)?;
    let place = Place { host: host.to_ascii_lowercase(), secure };
    if trusted.iter().any(|name| name.eq_ignore_ascii_case(&place.host)) {
        return Ok(place);
    }
    let inside = place.host.parse::<IpAddr>().is_ok_and(|address| !is_public(address))
        || place.host == "localhost"
        || place.host.ends_with(".localhost");
    if secure && !inside { Ok(place) } else { Err(BadAddress::NotAllowed) }
}

/// The host of `host`, `host:port`, `[v6]` or `[v6]:port`; `None` where there is a user or no host.
fn host_of(authority: &str) -> Option<&str> {
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => {
            let (host, port) = rest.split_once(']')?;
            host.parse::<Ipv6Addr>().ok()?;
            (host, port.strip_prefix(':').or(port.is_empty().then_some(""))?)
        }
        None => authority.split_once(':').unwrap_or((authority, "")),
    };
    let in_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
    let valid = authority.starts_with('[') || (!host.is_empty() && host.chars().all(in_name));
    // What ends in a number and is no address of four parts (0x7f.1, 2130706433) is one in disguise.
    let last = host.rsplit('.').next().unwrap_or_default();
    let disguised =
        last.starts_with(|c: char| c.is_ascii_digit()) && host.parse::<IpAddr>().is_err();
    let port_valid = port.is_empty() && !authority.ends_with(':') || port.parse::<u16>().is_ok();
    (valid && port_valid && (!disguised || authority.starts_with('['))).then_some(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_of_the_public_internet_are_public() {
        for public in ["1.1.1.1", "223.5.5.5", "172.32.0.1", "100.128.0.1", "2400:3200::1"] {
            assert!(is_public(public.parse().unwrap()), "{public}");
        }
        for inside in [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "127.0.0.1",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.8",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.51.100.1",
            "203.0.113.9",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:8.8.8.8",
            "64:ff9b::a00:1",
            "fe80::1",
            "fc00::1",
            "ff02::1",
            "2001:db8::1",
            "2001::1",
            "2002:a00:1::1",
            "3fff::1",
        ] {
            assert!(!is_public(inside.parse().unwrap()), "{inside}");
        }
    }

    #[test]
    fn a_webhook_leads_by_https_to_the_outside_or_to_a_host_that_the_settings_name() {
        let place = |url| place_of(url, &["10.0.0.7".to_owned(), "his.county".to_owned()]);
        assert_eq!(
            place("https://Example.org:8443/a?b=c"),
            Ok(Place { host: "example.org".to_owned(), secure: true })
        );
        assert!(place("http://10.0.0.7:9000/hook").is_ok());
        assert!(place("http://HIS.county/hook").is_ok());
        assert!(place("https://[2400:3200::1]/").is_ok());
        for inside in [
            "http://example.org/",
            "https://10.0.0.8/",
            "https://localhost/",
            "https://a.localhost/",
            "https://[::1]/",
            "https://[::ffff:127.0.0.1]:80/",
            "https://169.254.169.254/latest",
        ] {
            assert_eq!(place(inside), Err(BadAddress::NotAllowed), "{inside}");
        }
        for odd in [
            "ftp://example.org/",
            "example.org",
            "https://",
            "https://user@example.org/",
            "https://example.org#x",
            "https://exa mple.org/",
            "https://2130706433/",
            "https://0x7f.1/",
            "https://127.1/",
            "https://example.org:/",
            "https://example.org:99999/",
            "https://[::1",
            "https://[zz]/",
            "https://口罩.cn/",
            "https://a\\@b/",
        ] {
            assert_eq!(place(odd), Err(BadAddress::Shape), "{odd}");
        }
    }
}
