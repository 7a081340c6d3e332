//! Security profiles 2 and 3 over real TLS, with a client that is not ours.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures::{SinkExt as _, StreamExt as _};
use platform::audit::Actor;
use platform::certificates::{CertificateAuthority, Certificates};
use platform::stations::SecurityProfile;
use platform::{Clock as _, Ids as _, LocalBus, SystemClock, SystemIds};
use rcgen::{CertificateParams, DnType, KeyPair};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use simulator::raw::{RawClient, RawError, RawRequest};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::{Error as WsError, Message};

use crate::app::{TestApp, eventually, free_address};

type Socket = WebSocketStream<TlsStream<TcpStream>>;

/// How a handshake ended badly.
#[derive(Debug, PartialEq, Eq)]
enum Refused {
    /// Before there was HTTP.
    Tls,
    Http(u16),
}

struct Scene {
    app: TestApp,
    /// Of the charge points' TLS port.
    address: String,
    files: Files,
    certificates: Certificates,
}

/// The files that the operator keeps.
struct Files(PathBuf);

impl Files {
    fn new() -> Self {
        let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("tls-{}", SystemIds.uuid()));
        std::fs::create_dir_all(&directory).unwrap();
        let files = Self(directory);
        files.renew();
        let authority = CertificateAuthority::generate(&SystemIds, SystemClock.now()).unwrap();
        std::fs::write(files.path("ca.pem"), authority.certificate_pem).unwrap();
        std::fs::write(files.path("ca.key"), authority.key_pem).unwrap();
        files
    }

    fn path(&self, name: &str) -> String {
        self.0.join(name).to_str().unwrap().to_owned()
    }

    /// Another certificate of the server.
    fn renew(&self) {
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(vec!["localhost".to_owned()]).unwrap().self_signed(&key).unwrap();
        // Between the two writes they do not fit: the server waits.
        std::fs::write(self.path("tls.key"), key.serialize_pem()).unwrap();
        std::fs::write(self.path("tls.pem"), certificate.pem()).unwrap();
    }

    fn authority(&self) -> CertificateAuthority {
        let read = |name| std::fs::read_to_string(self.path(name)).unwrap();
        CertificateAuthority::read(&read("ca.pem"), &read("ca.key")).unwrap()
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        for name in ["tls.key", "tls.pem", "ca.pem", "ca.key"] {
            let _ = std::fs::remove_file(self.path(name));
        }
        let _ = std::fs::remove_dir(&self.0);
    }
}

/// A key and what was signed for it.
struct Identity {
    certificate_pem: String,
    key_pem: String,
    serial_number: String,
}

impl Scene {
    async fn set() -> Self {
        let (files, address) = (Files::new(), free_address());
        let app = TestApp::start_with(&[
            ("EVP_OCPP_TLS_LISTEN", Some(&address)),
            ("EVP_OCPP_TLS_CERT", Some(&files.path("tls.pem"))),
            ("EVP_OCPP_TLS_KEY", Some(&files.path("tls.key"))),
            ("EVP_OCPP_CA_CERT", Some(&files.path("ca.pem"))),
            ("EVP_OCPP_CA_KEY", Some(&files.path("ca.key"))),
        ])
        .await;
        let certificates = Self::certificates(&app, files.authority()).await;
        Self { app, address, files, certificates }
    }

    async fn certificates(app: &TestApp, authority: CertificateAuthority) -> Certificates {
        let db = app.world.database.with_system_clock().await;
        Certificates::new(db, Arc::new(LocalBus::new()), Some(Arc::new(authority)))
    }

    fn identity(&self, index: usize) -> &str {
        self.app.world.charge_points[index].identity.as_str()
    }

    fn password(&self, index: usize) -> &str {
        &self.app.world.charge_points[index].password
    }

    async fn hold_to(&self, index: usize, profile: SecurityProfile) {
        self.certificates.set_security_profile(self.app.world.charge_points[index].id, profile).await.unwrap();
    }

    /// Has a charge point's request signed.
    async fn sign(&self, certificates: &Certificates, index: usize) -> Identity {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, self.identity(index));
        let request = params.serialize_request(&key).unwrap().pem().unwrap();
        let signed = certificates.sign(self.app.world.charge_points[index].id, &request, Some(Actor::System)).await.unwrap();
        Identity { certificate_pem: signed.pem, key_pem: key.serialize_pem(), serial_number: signed.serial_number }
    }

    /// Over TLS, believing only the server's certificate of this moment.
    async fn connect(&self, index: usize, password: Option<&str>, shown: Option<&Identity>) -> Result<Socket, Refused> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(self.files.path("tls.pem")).unwrap()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let builder = builder.with_root_certificates(roots);
        let config = match shown {
            None => builder.with_no_client_auth(),
            Some(shown) => builder
                .with_client_auth_cert(
                    vec![CertificateDer::from_pem_slice(shown.certificate_pem.as_bytes()).unwrap()],
                    PrivateKeyDer::from_pem_slice(shown.key_pem.as_bytes()).unwrap(),
                )
                .unwrap(),
        };
        let stream = TcpStream::connect(&self.address).await.unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        let stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await.map_err(|_| Refused::Tls)?;
        let identity = self.identity(index);
        let mut request = format!("wss://localhost/ocpp/{identity}").into_client_request().unwrap();
        request.headers_mut().insert("sec-websocket-protocol", "ocpp1.6".parse().unwrap());
        if let Some(password) = password {
            // The header as another library writes it.
            let authorization =
                reqwest::Client::new().get("http://localhost/").basic_auth(identity, Some(password)).build().unwrap();
            request.headers_mut().insert("authorization", authorization.headers()["authorization"].clone());
        }
        match tokio_tungstenite::client_async(request, stream).await {
            Ok((socket, _)) => Ok(socket),
            Err(WsError::Http(response)) => Err(Refused::Http(response.status().as_u16())),
            // With TLS 1.3 the client hears of a certificate's refusal only after its own half of the handshake.
            Err(_) => Err(Refused::Tls),
        }
    }

    async fn refused(&self, index: usize, password: Option<&str>, shown: Option<&Identity>) -> Refused {
        self.connect(index, password, shown).await.map(|_| ()).unwrap_err()
    }

    fn plain(&self, index: usize) -> RawRequest {
        let (url, identity) = (self.app.url.replacen("http", "ws", 1), self.identity(index));
        RawRequest::new(format!("{url}/ocpp/{identity}")).subprotocol("ocpp1.6").basic(identity, self.password(index))
    }
}

async fn heartbeat(socket: &mut Socket) {
    socket.send(Message::text(r#"[2,"beat","Heartbeat",{}]"#)).await.unwrap();
    loop {
        match socket.next().await.unwrap().unwrap() {
            Message::Text(text) if text.contains("\"beat\"") => return assert!(text.starts_with("[3,"), "{text}"),
            _ => {}
        }
    }
}

async fn refused_plainly(request: RawRequest) -> u16 {
    match RawClient::connect(request).await {
        Err(RawError::Refused { status, .. }) => status,
        other => panic!("not refused: {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn profile_2_is_a_password_over_tls_and_never_without() {
    let scene = Scene::set().await;
    RawClient::connect(scene.plain(0)).await.unwrap();
    heartbeat(&mut scene.connect(0, Some(scene.password(0)), None).await.unwrap()).await;
    scene.hold_to(0, SecurityProfile::Tls).await;
    assert_eq!(refused_plainly(scene.plain(0)).await, 403);
    // Whoever is no trusted proxy cannot say that there was TLS.
    assert_eq!(refused_plainly(scene.plain(0).header("X-Forwarded-Proto", "https")).await, 403);
    assert_eq!(scene.refused(0, Some("wrong"), None).await, Refused::Http(401));
    assert_eq!(scene.refused(0, None, None).await, Refused::Http(401));
    heartbeat(&mut scene.connect(0, Some(scene.password(0)), None).await.unwrap()).await;
    RawClient::connect(scene.plain(1)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn profile_3_is_a_certificate_of_ours_and_nothing_less() {
    let scene = Scene::set().await;
    let own = scene.sign(&scene.certificates, 0).await;
    scene.hold_to(0, SecurityProfile::Certificate).await;
    assert_eq!(scene.refused(0, Some(scene.password(0)), None).await, Refused::Http(403));
    assert_eq!(refused_plainly(scene.plain(0)).await, 403);
    let mut socket = scene.connect(0, None, Some(&own)).await.unwrap();
    heartbeat(&mut socket).await;
    // Another charge point's, with the right password.
    let neighbours = scene.sign(&scene.certificates, 1).await;
    assert_eq!(scene.refused(0, Some(scene.password(0)), Some(&neighbours)).await, Refused::Http(403));
    // Another authority's, in the right name and even in our table.
    let stranger = CertificateAuthority::generate(&SystemIds, SystemClock.now()).unwrap();
    let stranger = CertificateAuthority::read(&stranger.certificate_pem, &stranger.key_pem).unwrap();
    let foreign = scene.sign(&Scene::certificates(&scene.app, stranger).await, 0).await;
    assert_eq!(scene.refused(0, None, Some(&foreign)).await, Refused::Tls);
    heartbeat(&mut socket).await;
    // Revoked: it ends, also where it is in use.
    scene.certificates.revoke(&own.serial_number, "stolen").await.unwrap();
    while let Some(Ok(_)) = socket.next().await {}
    assert_eq!(scene.refused(0, None, Some(&own)).await, Refused::Http(403));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_renewed_certificate_is_used_without_a_restart() {
    let scene = Scene::set().await;
    let mut before = scene.connect(0, Some(scene.password(0)), None).await.unwrap();
    scene.files.renew();
    let mut after =
        eventually("the new certificate", || async { scene.connect(1, Some(scene.password(1)), None).await.ok() }).await;
    heartbeat(&mut after).await;
    heartbeat(&mut before).await;
    // What cannot be used changes nothing.
    let good = std::fs::read(scene.files.path("tls.pem")).unwrap();
    std::fs::write(scene.files.path("tls.key"), "no key").unwrap();
    heartbeat(&mut scene.connect(1, Some(scene.password(1)), None).await.unwrap()).await;
    assert_eq!(good, std::fs::read(scene.files.path("tls.pem")).unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_tls_is_shown_to_staff_and_disturbs_nobody() {
    let scene = Scene::set().await;
    let mut inside = scene.connect(0, Some(scene.password(0)), None).await.unwrap();
    let plain = RawRequest::new(format!("ws://{}/ocpp/{}", scene.address, scene.identity(1))).subprotocol("ocpp1.6");
    assert!(RawClient::connect(plain).await.is_err());
    let refusals = platform::refusals::Refusals::new(scene.app.world.database.with_system_clock().await);
    let shown =
        eventually("the refusal is shown", || async { refusals.recent(None, 10).await.unwrap().into_iter().next() }).await;
    assert_eq!((shown.reason.as_str(), shown.address.as_str()), ("the TLS handshake failed", "127.0.0.1"));
    heartbeat(&mut inside).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn behind_a_trusted_proxy_its_word_about_tls_counts() {
    let app = TestApp::start_with(&[("EVP_TRUSTED_PROXIES", Some("127.0.0.1"))]).await;
    let point = &app.world.charge_points[0];
    let db = app.world.database.with_system_clock().await;
    let certificates = Certificates::new(db, Arc::new(LocalBus::new()), None);
    certificates.set_security_profile(point.id, SecurityProfile::Tls).await.unwrap();
    let url = format!("{}/ocpp/{}", app.url.replacen("http", "ws", 1), point.identity);
    let request = || RawRequest::new(url.clone()).subprotocol("ocpp1.6").basic(point.identity.as_str(), &point.password);
    assert_eq!(refused_plainly(request().header("X-Forwarded-Proto", "http")).await, 403);
    RawClient::connect(request().header("X-Forwarded-Proto", "https")).await.unwrap();
}
