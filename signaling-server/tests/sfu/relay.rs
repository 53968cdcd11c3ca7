//! Media through the built-in relay, over UDP, TCP and TLS, and natives' media inside TLS; what the relay refuses.

use crate::support::{Client, Meeting, cam, mic, run};
use crate::turn::{Proxy, Turn, Way};
use crate::{SECOND, unbroken};
use confab_base::{MediaKind, ParticipantId};
use confab_server::sfu::TcpIngress;
use confab_transport::Protocol;
use confab_transport::driver::{Direction, DriverConfig, DriverEvent, TlsWay};
use rustls::pki_types::PrivateKeyDer;
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::process::{Command, Stdio};
use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock};
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio_rustls::TlsAcceptor;

/// Two certificates' worth of trust: what the server shows, and who believes it.
struct Tls {
    acceptor: TlsAcceptor,
    client: Arc<rustls::ClientConfig>,
}

impl Tls {
    fn new() -> Tls {
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let server = rustls::ServerConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)
            .unwrap();
        let mut roots = rustls::RootCertStore::empty();
        roots.add(made.cert.der().clone()).unwrap();
        let client = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        Tls {
            acceptor: TlsAcceptor::from(Arc::new(server)),
            client: Arc::new(client),
        }
    }

    fn connect(&self, server: SocketAddr) -> Way {
        let name = "localhost".try_into().unwrap();
        let tls = rustls::ClientConnection::new(self.client.clone(), name).unwrap();
        let tcp: TcpStream = Way::tcp(server);
        // The handshake is made without a patience that would cut it short.
        tcp.set_read_timeout(None).unwrap();
        let mut stream = rustls::StreamOwned::new(tls, tcp);
        while stream.conn.is_handshaking() {
            stream.conn.complete_io(&mut stream.sock).unwrap();
        }
        let patience = std::time::Duration::from_millis(2);
        stream.sock.set_read_timeout(Some(patience)).unwrap();
        Way::Stream(Box::new(stream))
    }
}

/// Accepts on a port of its own and gives the connections to `take`, one after the other.
fn listen<T: Future<Output = ()> + Send + 'static>(
    runtime: &Runtime,
    take: impl Fn(tokio::net::TcpStream, SocketAddr) -> T + Send + 'static,
) -> SocketAddr {
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
    let address = listener.local_addr().unwrap();
    runtime.spawn(async move {
        while let Ok((stream, peer)) = listener.accept().await {
            take(stream, peer).await;
        }
    });
    address
}

/// Connections in the clear and inside TLS, all of them TURN.
pub fn relay_port(
    runtime: &Runtime,
    ingress: TcpIngress,
    acceptor: Option<TlsAcceptor>,
) -> SocketAddr {
    listen(runtime, move |stream, peer| {
        let (ingress, acceptor) = (ingress.clone(), acceptor.clone());
        async move {
            let ends = (peer, stream.local_addr().unwrap());
            match acceptor {
                None => ingress.attach_relayed(Vec::new(), stream, ends, ()),
                Some(acceptor) => {
                    let secured = acceptor.accept(stream).await.unwrap();
                    ingress.attach_relayed(Vec::new(), secured, ends, ());
                }
            }
        }
    })
}

pub fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap()
}

/// Somebody whose media goes through the relay, and somebody whose does not, hear and see each other.
fn meets_through(workers: usize, way: impl FnOnce(&Meeting) -> Way) {
    let mut m = Meeting::new(workers, None);
    let media = m.sfu.udp_addr();
    let credentials = m.room.relay_credentials(ParticipantId(1)).unwrap();
    let turn = Turn::new(way(&m), credentials).open(media).unwrap();
    let proxy = Proxy::start(turn);
    let mut a = Client::start(1, 1, 1, None);
    a.via = Some(proxy.address);
    m.negotiate(&mut a, &[]);
    a.wait_connected(&mut m);
    let mut b = m.join(2, 1, None);
    m.view(&a, &[mic(2)], &[(cam(2), 180)]);
    m.view(&b, &[mic(1)], &[(cam(1), 180)]);
    run(&mut m, &mut [&mut a, &mut b], 3 * SECOND);
    for c in [&a, &b] {
        assert!(c.slot(MediaKind::Audio, 0).len() > 120);
        assert!(unbroken(c.slot(MediaKind::Audio, 0).keys().copied()));
        assert!(c.slot(MediaKind::Video, 0).len() > 60);
    }
    let counters = m.sfu.counters();
    let carried = proxy.carried.load(Ordering::Relaxed);
    assert!(carried > 500, "all of a's media: {carried}");
    assert!(counters.relayed > 500, "{counters:?}");
    assert_eq!(counters.relay_allocations, 1);
}

#[test]
fn media_goes_through_the_relay_over_udp() {
    // Two workers: the relay's datagrams come to one of them, the meeting may live on the other.
    meets_through(2, |m| Way::udp(m.sfu.udp_addr()));
}

#[test]
fn media_goes_through_the_relay_over_tcp() {
    let runtime = runtime();
    meets_through(1, |m| {
        let port = relay_port(&runtime, m.sfu.tcp_ingress(), None);
        Way::Stream(Box::new(Way::tcp(port)))
    });
}

#[test]
fn media_goes_through_the_relay_over_tls() {
    let (runtime, tls) = (runtime(), Tls::new());
    meets_through(2, |m| {
        let port = relay_port(&runtime, m.sfu.tcp_ingress(), Some(tls.acceptor.clone()));
        tls.connect(port)
    });
}

#[test]
fn the_relay_leads_nowhere_else_and_serves_nobody_without_a_seat() {
    let m = Meeting::new(1, None);
    let media = m.sfu.udp_addr();
    let credentials = m.room.relay_credentials(ParticipantId(1)).unwrap();
    let mut turn = Turn::new(Way::udp(media), credentials.clone());
    turn.allocate().unwrap();
    assert!(confab_turn::is_relayed(turn.relayed.unwrap().ip()));
    let other_port = SocketAddr::new(media.ip(), 22);
    for peer in ["10.0.0.1:80", "169.254.169.254:80", "8.8.8.8:53"] {
        assert_eq!(turn.bind(peer.parse().unwrap()), Err(403), "{peer}");
    }
    assert_eq!(turn.bind(other_port), Err(403));
    assert_eq!(turn.bind(media), Ok(()));
    let mut stranger = credentials;
    stranger.password.push('x');
    assert_eq!(Turn::new(Way::udp(media), stranger).allocate(), Err(401));
}

/// An independent client: allocates, refreshes, asks for permissions and sends by indications, over UDP and TCP. Its
/// channels have numbers of the older RFC 5766, which are refused. Inside TLS `turns` of this file is the client: coturn's names
/// no signature algorithms on some systems, without which TLS is not spoken here.
#[test]
fn coturns_client_gets_along_with_the_relay() {
    let program = "turnutils_uclient";
    if Command::new(program).arg("-h").output().is_err() {
        return eprintln!("nothing checked: coturn is not installed");
    }
    let runtime = runtime();
    let m = Meeting::new(1, None);
    let media = m.sfu.udp_addr();
    let credentials = m.room.relay_credentials(ParticipantId(1)).unwrap();
    let clear = relay_port(&runtime, m.sfu.tcp_ingress(), None);
    let ways: [(&[&str], u16); 2] = [(&[], media.port()), (&["-t"], clear.port())];
    let start = |(flags, port): (&[&str], u16)| {
        Command::new(program)
            .args(["-s", "-c", "-n", "5", "-m", "1", "-e", "127.0.0.1"])
            .args(["-u", &credentials.username, "-w", &credentials.password])
            .args(["-r", &media.port().to_string(), "-p", &port.to_string()])
            .args(flags)
            .arg("127.0.0.1")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    };
    for running in ways.map(start) {
        let said = running.wait_with_output().unwrap();
        let text = String::from_utf8_lossy(&said.stdout);
        assert!(text.contains("tot_send_msgs=5"), "{text}");
    }
    // It knows nothing of ICE, so the media side knows nothing to do with them, but there they are.
    let counters = m.sfu.counters();
    let arrived = counters.garbage + counters.unknown_address;
    assert_eq!((counters.relayed, arrived), (10, 10), "{counters:?}");
}

#[test]
fn strangers_datagrams_are_never_answered_at_greater_length() {
    let m = Meeting::new(1, None);
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.connect(m.sfu.udp_addr()).unwrap();
    socket.set_read_timeout(Some(SECOND / 2)).unwrap();
    let questions: [&[u8]; 3] = [
        // Allocate, a binding request, ChannelData.
        &[
            0, 3, 0, 8, 0x21, 0x12, 0xa4, 0x42, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0x19, 0, 4,
            17, 0, 0, 0,
        ],
        &[
            0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
        ],
        &[0x40, 0, 0, 4, 1, 2, 3, 4],
    ];
    let (mut went, mut came) = (0, 0);
    for n in 0..300 {
        went += socket.send(questions[n % 3]).unwrap();
        if n % 50 == 49 {
            std::thread::sleep(SECOND / 10);
        }
    }
    let mut buffer = [0; 2048];
    let mut answers = 0;
    while let Ok(n) = socket.recv(&mut buffer) {
        came += n;
        answers += 1;
    }
    assert!(answers > 50, "it does answer: {answers}");
    assert!(came <= went, "{came} bytes for {went}");
}

#[test]
fn where_only_tls_gets_through_a_natives_media_hides_in_it() {
    let (runtime, tls) = (runtime(), Tls::new());
    let acceptor = tls.acceptor.clone();
    let ingress = Arc::new(OnceLock::<TcpIngress>::new());
    let server = ingress.clone();
    // A firewall that looks into connections, and the server behind it.
    let port = listen(&runtime, move |stream, peer| {
        let (acceptor, server) = (acceptor.clone(), server.clone());
        async move {
            let mut first = [0];
            if !matches!(stream.peek(&mut first).await, Ok(1)) || first != [0x16] {
                return;
            }
            let ends = (peer, stream.local_addr().unwrap());
            let secured = acceptor.accept(stream).await.unwrap();
            let server = server.get().unwrap();
            server.attach_stream(Vec::new(), secured, ends, ());
        }
    });
    let mut m = Meeting::new(1, Some(port.port()));
    ingress.set(m.sfu.tcp_ingress()).unwrap();
    let blocked = |_: Direction, protocol: Protocol, _: &[u8]| protocol == Protocol::Tcp;
    let mut a = Client::start_as(
        DriverConfig {
            tls: Some(TlsWay {
                config: tls.client.clone(),
                name: "localhost".try_into().unwrap(),
                port: port.port(),
            }),
            test_filter: Some(Box::new(blocked)),
            ..DriverConfig::new("client-1")
        },
        1,
        1,
        1,
    );
    m.negotiate(&mut a, &[]);
    let connected = a.wait_event(|e| matches!(e, DriverEvent::Connected { .. }));
    let DriverEvent::Connected { path } = connected else {
        unreachable!()
    };
    assert_eq!(path, Protocol::Tcp);
    let mut b = m.join(2, 1, None);
    m.view(&a, &[mic(2)], &[(cam(2), 180)]);
    m.view(&b, &[mic(1)], &[(cam(1), 180)]);
    run(&mut m, &mut [&mut a, &mut b], 3 * SECOND);
    for c in [&a, &b] {
        assert!(c.slot(MediaKind::Audio, 0).len() > 120);
        assert!(c.slot(MediaKind::Video, 0).len() > 60);
    }
}

#[test]
fn a_connection_that_only_talks_nonsense_to_the_relay_is_closed() {
    let runtime = runtime();
    let m = Meeting::new(1, None);
    let port = relay_port(&runtime, m.sfu.tcp_ingress(), None);
    let closed = runtime.block_on(async {
        let mut stream = tokio::net::TcpStream::connect(port).await.unwrap();
        tokio::io::AsyncWriteExt::write_all(&mut stream, &[0xff; 64])
            .await
            .unwrap();
        tokio::time::timeout(5 * SECOND, stream.read(&mut [0; 8])).await
    });
    assert!(matches!(closed, Ok(Ok(0) | Err(_))), "{closed:?}");
}
