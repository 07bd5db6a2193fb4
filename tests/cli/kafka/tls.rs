//! Clusters that speak TLS.

use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, OnceLock};
use std::thread;

use spillway_tests::tls::TlsFront;
use tokio::runtime::Runtime;

use super::*;

/// TLS in front of each broker of a cluster.
struct Fronts {
    fronts: Vec<TlsFront>,
    _runtime: Runtime,
}

/// The port of each broker, and that of its front.
type Ports = Arc<OnceLock<Vec<(u16, u16)>>>;

impl Fronts {
    /// Brokers tell clients where each other is. What they tell is replaced by where the fronts
    /// are.
    fn start(cluster: &Cluster) -> Fronts {
        let runtime = Runtime::new().unwrap();
        let ports = Ports::default();
        let brokers = cluster.mock.bootstrap_servers();
        let brokers: Vec<SocketAddr> =
            brokers.split(',').map(|broker| broker.parse().unwrap()).collect();
        let start = |broker: &SocketAddr| {
            TlsFront::start(&runtime, renaming(*broker, ports.clone()).unwrap())
        };
        let fronts: Vec<TlsFront> = brokers.iter().map(start).collect();
        let of =
            brokers.iter().map(SocketAddr::port).zip(fronts.iter().map(|it| it.address().port()));
        ports.set(of.collect()).unwrap();
        Fronts { fronts, _runtime: runtime }
    }

    /// All their certificates.
    fn certificates(&self, place: &Place) -> String {
        let pem = |front: &TlsFront| {
            front.write_certificate(&place.path("one.pem"));
            std::fs::read_to_string(place.path("one.pem")).unwrap()
        };
        self.fronts.iter().map(pem).collect()
    }
}

/// Listens for a broker, and replaces ports in its answers.
fn renaming(broker: SocketAddr, ports: Ports) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            let ports = ports.clone();
            thread::spawn(move || {
                // A connection that breaks off is one that either side has closed.
                let _ = pass_on(&client, broker, &ports);
                client.shutdown(Shutdown::Both)
            });
        }
    });
    Ok(address)
}

fn pass_on(client: &TcpStream, broker: SocketAddr, ports: &Ports) -> io::Result<()> {
    let broker = TcpStream::connect(broker)?;
    let (mut from, mut to) = (client.try_clone()?, broker.try_clone()?);
    thread::spawn(move || {
        let _ = io::copy(&mut from, &mut to);
        to.shutdown(Shutdown::Both)
    });
    let (mut from, mut to) = (&broker, client);
    loop {
        let mut length = [0; 4];
        from.read_exact(&mut length)?;
        let mut answer = vec![0; u32::from_be_bytes(length) as usize];
        from.read_exact(&mut answer)?;
        for (port, front) in ports.get().into_iter().flatten() {
            // The protocol has a name and, behind it, a port of 32 bits.
            let [told, instead] = [port, front].map(|port| u32::from(*port).to_be_bytes());
            let told = [HOST, &told].concat();
            while let Some(at) = answer.windows(told.len()).position(|it| it == told) {
                answer[at + HOST.len()..at + told.len()].copy_from_slice(&instead);
            }
        }
        to.write_all(&[&length[..], &answer].concat())?;
    }
}

#[test]
fn records_come_through_tls() {
    let cluster = Cluster::start("orders", 3);
    let server = Server::start();
    cluster.write_numbers("orders", 0..300, 3);
    let fronts = Fronts::start(&cluster);
    let place = place(&flow_through_tls(), &server, &cluster)
        .with("BROKER", &fronts.fronts[0].address().to_string());
    place.write("ca.pem", fronts.certificates(&place));
    let running = start(&place);
    wait_for_numbers(&server, 300);
    assert_eq!(stop(running)["stored_events"], 300);
    assert_once(&server, 300);
}

#[test]
fn a_certificate_of_somebody_else_is_refused_and_named() {
    let cluster = Cluster::start("orders", 3);
    let server = Server::start();
    let (fronts, others) = (Fronts::start(&cluster), Fronts::start(&cluster));
    let place = place(&flow_through_tls(), &server, &cluster)
        .with("BROKER", &fronts.fronts[0].address().to_string());
    place.write("ca.pem", others.certificates(&place));
    let mut running = start(&place);
    running.wait_for("certificate verify failed");
    stop(running);
    assert_eq!(server.contents(), BTreeMap::new());
}

fn flow_through_tls() -> String {
    flow("orders")
        .replace("[source.properties]", "[source.tls]\nca_file = \"ca.pem\"\n\n[source.properties]")
}

const HOST: &[u8] = b"127.0.0.1";
