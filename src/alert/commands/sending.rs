//! Sending one delivery by HTTP: no redirects, little patience, and only to where it may lead.

use crate::alert::address::{BadAddress, is_public, place_of};
use std::sync::Arc;
use std::time::Duration;
use ureq::config::Config;
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{DefaultConnector, NextTimeout};

/// How long a receiver may take for everything. Less than the shortest wait between two attempts,
/// so that no delivery is under way twice.
const PATIENCE: Duration = Duration::from_secs(10);

/// What is sent beside the body.
#[derive(Debug, Clone)]
pub struct Signed<'a> {
    /// The delivery's id, the same at each attempt.
    pub delivery: &'a str,
    /// What `Changbei-Signature` says.
    pub signature: &'a str,
    /// The body.
    pub body: &'a str,
}

/// Why a delivery did not arrive, or may not have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotSent {
    /// The status of the answer, where there was one.
    pub status: Option<u16>,
    /// In a few words.
    pub reason: String,
}

/// What sends: one for each process.
#[derive(Debug, Clone)]
pub struct Sender {
    agent: ureq::Agent,
    trusted: Arc<Vec<String>>,
}

/// The certificates of a PEM file, each in DER.
///
/// # Errors
/// What is wrong with it, in a few words: it cannot be read, holds none, or one that is none.
pub fn roots_of(pem: &[u8]) -> Result<Vec<Vec<u8>>, String> {
    let mut roots = Vec::new();
    for item in parse_pem(pem) {
        if let PemItem::Certificate(certificate) = item.map_err(|error| error.to_string())? {
            roots.push(certificate.der().to_vec());
        }
    }
    if roots.is_empty() {
        return Err("it holds no certificate".to_owned());
    }
    let given = roots.iter().map(|root| rustls::pki_types::CertificateDer::from(root.as_slice()));
    match rustls::RootCertStore::empty().add_parsable_certificates(given) {
        (_, 0) => Ok(roots),
        (_, unreadable) => Err(format!("{unreadable} of its certificates cannot be read")),
    }
}

impl Sender {
    /// What sends to public addresses, and to the hosts that `trusted` names.
    ///
    /// With `roots`, certificates in DER, receivers must be certified by one of these; without, by
    /// one that the machine trusts.
    pub fn new(trusted: Vec<String>, roots: &[Vec<u8>]) -> Self {
        // Another part of the process may have chosen a provider already, which will do.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let trusted = Arc::new(trusted);
        let own: Vec<Certificate<'static>> =
            roots.iter().map(|root| Certificate::from_der(root).to_owned()).collect();
        let roots = if own.is_empty() {
            RootCerts::PlatformVerifier
        } else {
            RootCerts::Specific(Arc::new(own))
        };
        let config = Config::builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .proxy(None)
            .max_response_header_size(16 << 10)
            .max_idle_connections(0)
            .timeout_global(Some(PATIENCE))
            .user_agent(concat!("changbei/", env!("CARGO_PKG_VERSION")))
            .tls_config(TlsConfig::builder().root_certs(roots).build())
            .build();
        let resolver = Guarded { inner: DefaultResolver::default(), trusted: trusted.clone() };
        Self {
            agent: ureq::Agent::with_parts(config, DefaultConnector::default(), resolver),
            trusted,
        }
    }

    /// Sends once.
    ///
    /// # Errors
    /// [`NotSent`] unless the receiver answered 2xx. What it answers beside that is not read.
    pub fn send(&self, url: &str, signed: &Signed<'_>) -> Result<u16, NotSent> {
        let failed = |reason: String| NotSent { status: None, reason };
        // The settings may have changed since the webhook was made.
        match place_of(url, &self.trusted) {
            Ok(_place) => {}
            Err(BadAddress::Shape) => return Err(failed("the address cannot be read".to_owned())),
            Err(BadAddress::NotAllowed) => {
                return Err(failed("the settings do not allow the address".to_owned()));
            }
        }
        let answer = self
            .agent
            .post(url)
            .header("content-type", "application/json")
            .header("changbei-delivery", signed.delivery)
            .header("changbei-signature", signed.signature)
            .send(signed.body)
            .map_err(|error| failed(error.to_string()))?;
        let status = answer.status();
        if status.is_success() {
            return Ok(status.as_u16());
        }
        let reason = format!("the receiver answered {}", status.as_u16());
        Err(NotSent { status: Some(status.as_u16()), reason })
    }
}

/// Resolves names, and refuses those that lead inside: what is checked is what is connected to, so a
/// name that means another address a moment later gains nothing.
#[derive(Debug)]
struct Guarded {
    inner: DefaultResolver,
    trusted: Arc<Vec<String>>,
}

impl Resolver for Guarded {
    fn resolve(
        &self,
        uri: &ureq::http::Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let found = self.inner.resolve(uri, config, timeout)?;
        let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
        let is_trusted = self.trusted.iter().any(|name| name.eq_ignore_ascii_case(host));
        if is_trusted || found.iter().all(|address| is_public(address.ip())) {
            return Ok(found);
        }
        Err(ureq::Error::Other("the name leads to an address inside".into()))
    }
}
