//! One HTTP request, with its redirects.

use std::io;
use std::net::IpAddr;

use ureq::http::Uri;
use ureq::http::header::{CONTENT_ENCODING, HeaderName, IF_RANGE, LOCATION, RANGE};
use ureq::{Agent, Body, Error};

use super::FetchOptions;

/// Maximum number of redirects.
const REDIRECTS: usize = 5;
/// Maximum length of an address from a server in messages, in characters.
const MAX_ADDRESS: usize = 2000;

/// A response, before its body is read.
pub(super) type Response = ureq::http::Response<Body>;

/// Why a request failed.
#[derive(Debug)]
pub(super) struct HttpError {
    pub why: String,
    pub retry: Retry,
    /// Bytes came, but too few per second: further attempts are counted.
    pub slow: bool,
}

/// Whether a retry may succeed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Retry {
    Yes,
    /// Only if the network worked before.
    IfBegun,
    No,
}

impl HttpError {
    pub fn permanent(why: impl Into<String>) -> Self {
        Self { why: why.into(), retry: Retry::No, slow: false }
    }

    pub fn transient(why: impl Into<String>) -> Self {
        Self { why: why.into(), retry: Retry::Yes, slow: false }
    }

    pub fn slow(why: impl Into<String>) -> Self {
        Self { why: why.into(), retry: Retry::Yes, slow: true }
    }
}

/// Returns an HTTP client with timeouts and the proxies of the environment.
pub(super) fn agent(options: &FetchOptions<'_>) -> Agent {
    let config = Agent::config_builder()
        .http_status_as_error(false)
        .https_only(!options.plain_loopback)
        // Redirects are checked and followed in `request`.
        .max_redirects(0)
        .timeout_resolve(Some(options.timeout))
        .timeout_connect(Some(options.timeout))
        .timeout_recv_response(Some(options.timeout))
        .timeout_per_read(Some(options.timeout))
        .timeout_per_write(Some(options.timeout))
        .user_agent(concat!("unrolled/", env!("CARGO_PKG_VERSION")))
        // The checksum is that of the unencoded file.
        .accept_encoding("identity");
    // No proxy for the loopback address.
    let config = if options.plain_loopback { config.proxy(None) } else { config };
    config.build().new_agent()
}

/// Requests the bytes of `address` from offset `from` on, of this `version` of the file if it is known.
pub(super) fn get(
    agent: &Agent,
    address: &str,
    (from, version): (u64, Option<&str>),
    options: &FetchOptions<'_>,
) -> Result<Response, HttpError> {
    let mut at: Uri = parse(address)?;
    for _ in 0..=REDIRECTS {
        check_scheme(&at, options)?;
        let mut request = agent.get(&at);
        if from > 0 {
            request = request.header(RANGE, format!("bytes={from}-"));
            if let Some(version) = version {
                request = request.header(IF_RANGE, version);
            }
        }
        let response = request.call().map_err(|error| http_error(&error))?;
        if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
            if let Some(coding) = header(&response, &CONTENT_ENCODING).filter(|coding| *coding != "identity")
            {
                return Err(HttpError::permanent(format!(
                    "it was sent with content encoding {coding}, which was not requested"
                )));
            }
            return Ok(response);
        }
        let to = header(&response, &LOCATION).ok_or_else(|| HttpError::permanent("a redirect to nowhere"))?;
        at = joined(&at, to)?;
    }
    Err(HttpError::permanent(format!("more than {REDIRECTS} redirects")))
}

/// Returns a header value if it is text.
pub(super) fn header<'r>(response: &'r Response, name: &HeaderName) -> Option<&'r str> {
    response.headers().get(name)?.to_str().ok()
}

fn parse(address: &str) -> Result<Uri, HttpError> {
    let short: String = address.chars().take(MAX_ADDRESS).collect();
    address.parse().map_err(|_| HttpError::permanent(format!("it leads to {short:?}, which is no address")))
}

/// Returns the address that a redirect from `base` to `to` names (RFC 3986, 5.2; without `..` segments).
fn joined(base: &Uri, to: &str) -> Result<Uri, HttpError> {
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

/// Returns an error unless the address is https, or http to the loopback address where that is enabled.
fn check_scheme(at: &Uri, options: &FetchOptions<'_>) -> Result<(), HttpError> {
    match at.scheme_str() {
        Some("https") if at.host().is_some() => Ok(()),
        Some("http") if options.plain_loopback && at.host().is_some_and(is_loopback) => Ok(()),
        _ => {
            let short: String = at.to_string().chars().take(MAX_ADDRESS).collect();
            Err(HttpError::permanent(format!("it leads to {short}, which is not https")))
        }
    }
}

fn is_loopback(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn http_error(error: &Error) -> HttpError {
    let retry = match error {
        Error::Io(error) => match error.kind() {
            // Server or network down: fails at once.
            io::ErrorKind::ConnectionRefused
            | io::ErrorKind::NetworkUnreachable
            | io::ErrorKind::HostUnreachable => Retry::IfBegun,
            // An untrusted certificate.
            io::ErrorKind::InvalidData => Retry::No,
            _ => Retry::Yes,
        },
        Error::Timeout(_) | Error::Protocol(_) => Retry::Yes,
        Error::HostNotFound | Error::ConnectionFailed | Error::ConnectProxyFailed(_) => Retry::IfBegun,
        _ => Retry::No,
    };
    let why = match error {
        Error::HostNotFound => "the name of the server is not known here: no network?".to_owned(),
        Error::Timeout(_) => "the server does not answer".to_owned(),
        // without "io: " before it
        Error::Io(error) => error.to_string(),
        other => other.to_string(),
    };
    HttpError { why, retry, slow: false }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redirects_are_resolved_in_every_form_of_reference() {
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
        assert_eq!(joined(&base, "https://").unwrap_err().retry, Retry::No);
    }

    #[test]
    fn plain_http_is_for_loopback_only_and_only_if_enabled() {
        let stop = std::sync::atomic::AtomicBool::new(false);
        let strict = FetchOptions::new(std::path::Path::new(""), &stop);
        let loose = FetchOptions { plain_loopback: true, ..strict };
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
            let may = |options| at.as_ref().is_ok_and(|at| check_scheme(at, options).is_ok());
            assert_eq!((may(&strict), may(&loose)), (by_default, in_tests), "{address}");
        }
    }
}
