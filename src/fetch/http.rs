//! One question to a server, through its redirects.

use std::io;
use std::net::IpAddr;

use ureq::http::Uri;
use ureq::http::header::{CONTENT_ENCODING, HeaderName, IF_RANGE, LOCATION, RANGE};
use ureq::{Agent, Body, Error};

use super::Way;

/// Redirects that are followed, at most.
const REDIRECTS: usize = 5;
/// Of an address that a server sends, at most: it stands in messages.
const LONGEST: usize = 2000;

/// What a server says, before its bytes.
pub(super) type Response = ureq::http::Response<Body>;

/// Why a server did not give what it was asked for.
#[derive(Debug)]
pub(super) struct Trouble {
    pub why: String,
    pub again: Again,
}

/// Whether asking the same again may help.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Again {
    Yes,
    /// Where the network was there before: it may come back.
    IfBegun,
    No,
}

impl Trouble {
    pub fn lasting(why: impl Into<String>) -> Self {
        Self { why: why.into(), again: Again::No }
    }

    pub fn passing(why: impl Into<String>) -> Self {
        Self { why: why.into(), again: Again::Yes }
    }
}

/// Something to ask with: timeouts, and the proxies that the environment names.
pub(super) fn agent(way: &Way<'_>) -> Agent {
    let config = Agent::config_builder()
        .http_status_as_error(false)
        .https_only(!way.plain_loopback)
        // Each hop is judged here.
        .max_redirects(0)
        .timeout_resolve(Some(way.patience))
        .timeout_connect(Some(way.patience))
        .timeout_recv_response(Some(way.patience))
        .timeout_per_read(Some(way.patience))
        .timeout_per_write(Some(way.patience))
        .user_agent(concat!("unrolled/", env!("CARGO_PKG_VERSION")))
        // The checksum is that of the file itself.
        .accept_encoding("identity");
    // This machine is not asked through a proxy.
    let config = if way.plain_loopback { config.proxy(None) } else { config };
    config.build().new_agent()
}

/// Asks for the bytes of `address` from the byte `from` on, of this `version` of the file if it is known.
pub(super) fn ask(
    agent: &Agent,
    address: &str,
    (from, version): (u64, Option<&str>),
    way: &Way<'_>,
) -> Result<Response, Trouble> {
    let mut at: Uri = parse(address)?;
    for _ in 0..=REDIRECTS {
        allowed(&at, way)?;
        let mut request = agent.get(&at);
        if from > 0 {
            request = request.header(RANGE, format!("bytes={from}-"));
            if let Some(version) = version {
                request = request.header(IF_RANGE, version);
            }
        }
        let response = request.call().map_err(|error| trouble(&error))?;
        if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
            if let Some(coding) = header(&response, &CONTENT_ENCODING).filter(|coding| *coding != "identity")
            {
                return Err(Trouble::lasting(format!("it came packed as {coding}, unasked")));
            }
            return Ok(response);
        }
        let to = header(&response, &LOCATION).ok_or_else(|| Trouble::lasting("a redirect to nowhere"))?;
        at = joined(&at, to)?;
    }
    Err(Trouble::lasting(format!("more than {REDIRECTS} redirects")))
}

/// A header that is text.
pub(super) fn header<'r>(response: &'r Response, name: &HeaderName) -> Option<&'r str> {
    response.headers().get(name)?.to_str().ok()
}

fn parse(address: &str) -> Result<Uri, Trouble> {
    let short: String = address.chars().take(LONGEST).collect();
    address.parse().map_err(|_| Trouble::lasting(format!("it leads to {short:?}, which is no address")))
}

/// The address that a redirect from `base` to `to` names (RFC 3986, 5.2; without `..`, which no redirect needs).
fn joined(base: &Uri, to: &str) -> Result<Uri, Trouble> {
    let to = to.split('#').next().unwrap_or_default();
    let scheme = base.scheme_str().unwrap_or_default();
    let authority = base.authority().map_or("", |authority| authority.as_str());
    // A colon after a slash or question mark does not end a scheme.
    let scheme_ends = to.find([':', '/', '?']).filter(|at| to.get(*at..=*at) == Some(":"));
    parse(&match (scheme_ends, to.as_bytes()) {
        (Some(_), _) => to.to_owned(),
        (None, [b'/', b'/', ..]) => format!("{scheme}:{to}"),
        (None, [b'/', ..]) => format!("{scheme}://{authority}{to}"),
        (None, [b'?', ..]) => format!("{scheme}://{authority}{}{to}", base.path()),
        (None, _) => {
            let folder = base.path().rsplit_once('/').map_or("", |(folder, _)| folder);
            format!("{scheme}://{authority}{folder}/{to}")
        }
    })
}

/// Only what is encrypted is asked for, or this machine itself where that is allowed.
fn allowed(at: &Uri, way: &Way<'_>) -> Result<(), Trouble> {
    match at.scheme_str() {
        Some("https") if at.host().is_some() => Ok(()),
        Some("http") if way.plain_loopback && at.host().is_some_and(is_loopback) => Ok(()),
        _ => {
            let short: String = at.to_string().chars().take(LONGEST).collect();
            Err(Trouble::lasting(format!("it leads to {short}, which is not https")))
        }
    }
}

fn is_loopback(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn trouble(error: &Error) -> Trouble {
    let again = match error {
        Error::Io(error) => match error.kind() {
            // Nobody there, or no way there: told at once.
            io::ErrorKind::ConnectionRefused
            | io::ErrorKind::NetworkUnreachable
            | io::ErrorKind::HostUnreachable => Again::IfBegun,
            // A certificate that is not to be trusted stays so.
            io::ErrorKind::InvalidData => Again::No,
            _ => Again::Yes,
        },
        Error::Timeout(_) | Error::Protocol(_) => Again::Yes,
        Error::HostNotFound | Error::ConnectionFailed | Error::ConnectProxyFailed(_) => Again::IfBegun,
        _ => Again::No,
    };
    let why = match error {
        Error::HostNotFound => "the name of the server is not known here: no network?".to_owned(),
        Error::Timeout(_) => "the server does not answer".to_owned(),
        // without "io: " before it
        Error::Io(error) => error.to_string(),
        other => other.to_string(),
    };
    Trouble { why, again }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redirects_name_their_address_in_every_way_that_there_is() {
        let base: Uri = "https://a.org/b/c?d".parse().unwrap();
        for (to, whole) in [
            ("https://x.org/y", "https://x.org/y"),
            ("ftp://x.org/y", "ftp://x.org/y"),
            ("//x.org/y#part", "https://x.org/y"),
            ("/y?z=http://w", "https://a.org/y?z=http://w"),
            ("y", "https://a.org/b/y"),
            ("y/a:b", "https://a.org/b/y/a:b"),
            ("?y", "https://a.org/b/c?y"),
        ] {
            assert_eq!(joined(&base, to).unwrap().to_string(), whole, "{to}");
        }
        assert_eq!(joined(&base, "https://").unwrap_err().again, Again::No);
    }

    #[test]
    fn only_this_machine_may_be_asked_without_encryption_and_only_where_it_is_allowed() {
        let stop = std::sync::atomic::AtomicBool::new(false);
        let strict = Way::new(std::path::Path::new(""), &stop);
        let loose = Way { plain_loopback: true, ..strict };
        for (address, by_default, in_tests) in [
            ("https://a.org/b", true, true),
            ("http://127.0.0.1:80/b", false, true),
            ("http://[::1]:80/b", false, true),
            ("http://a.org/b", false, false),
            ("http://127.0.0.1.a.org/b", false, false),
            ("http://localhost/b", false, false),
            ("file:///etc/passwd", false, false),
            ("/etc/passwd", false, false),
        ] {
            let at: Result<Uri, _> = address.parse();
            let may = |way| at.as_ref().is_ok_and(|at| allowed(at, way).is_ok());
            assert_eq!((may(&strict), may(&loose)), (by_default, in_tests), "{address}");
        }
    }
}
