//! The hub on a network of its own: two network namespaces with a cable between them. In one runs the hub, in the other a
//! device that looks for it, follows a changed address and hears the goodbye.

use std::{
    io::Write,
    net::{Ipv4Addr, TcpStream},
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use mdns_sd::{HostnameResolutionEvent, IfKind, ServiceDaemon, ServiceEvent, ServiceInfo};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    process::{Child, ChildStdout, Command as AsyncCommand},
};

const SERVICE: &str = "_dreamseed._tcp.local.";
const PORT: u16 = 7420;
/// Multicast DNS repeats itself after a second or so, and looks at the interfaces every five.
const LIMIT: Duration = Duration::from_secs(25);

/// Two namespaces and a cable.
struct Network {
    hub: String,
    device: String,
    cable: String,
}

impl Network {
    /// `number` keeps the tests of one run apart.
    fn lay(number: u8) -> Option<Self> {
        let name = |what: &str| format!("ds{what}{number}-{}", std::process::id() % 100_000);
        let network = Network { hub: name("h"), device: name("d"), cable: name("c") };
        let is_laid = network.try_lay();
        #[expect(
            clippy::disallowed_methods,
            reason = "a wish of who runs the tests, not a setting of the hub"
        )]
        let may_skip = std::env::var("DREAMSEED_NO_NETNS").is_ok();
        assert!(
            is_laid || may_skip,
            "this test lays a network: run it as root with iproute2, or set DREAMSEED_NO_NETNS to leave it out"
        );
        is_laid.then_some(network)
    }

    fn try_lay(&self) -> bool {
        let Network { hub, device, cable } = self;
        let steps = [
            format!("netns add {hub}"),
            format!("netns add {device}"),
            format!("link add {cable} netns {hub} type veth peer name {cable} netns {device}"),
            format!("-n {hub} addr add 10.99.0.1/24 dev {cable}"),
            format!("-n {device} addr add 10.99.0.2/24 dev {cable}"),
            format!("-n {hub} link set lo up"),
            format!("-n {device} link set lo up"),
            format!("-n {hub} link set {cable} up"),
            format!("-n {device} link set {cable} up"),
        ];
        steps.iter().all(|step| ip(step))
    }

    fn change_address(&self, from: &str, to: &str) {
        let Network { hub, cable, .. } = self;
        // In this order: with its first address an interface loses the others of the same network.
        assert!(ip(&format!("-n {hub} addr del {from}/24 dev {cable}")), "the old address goes");
        assert!(ip(&format!("-n {hub} addr add {to}/24 dev {cable}")), "the new address");
    }

    fn serve(&self, data: &Path) -> Child {
        AsyncCommand::new("ip")
            .args(["netns", "exec", &self.hub, env!("CARGO_BIN_EXE_dreamseed-hub"), "serve", "--lan"])
            .args(["--no-engine", "--port", &PORT.to_string(), "--data"])
            .arg(data)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("the hub's binary")
    }

    /// This test binary again, as a device of the classroom that does what `role` says.
    fn device(&self, role: &str) -> Device {
        let binary = std::env::current_exe().expect("this test");
        let mut child = AsyncCommand::new("ip")
            .args(["netns", "exec", &self.device])
            .arg(binary)
            .args(["discovery::a_device_of_the_classroom", "--exact", "--ignored", "--nocapture"])
            .env("DREAMSEED_TEST_DEVICE", role)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .kill_on_drop(true)
            .spawn()
            .expect("this test as a device");
        let lines = BufReader::new(child.stdout.take().expect("its output")).lines();
        Device { lines, heard: Vec::new(), _child: child }
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        for name in [&self.hub, &self.device] {
            ip(&format!("netns del {name}"));
        }
    }
}

fn ip(words: &str) -> bool {
    Command::new("ip").args(words.split(' ')).output().is_ok_and(|done| done.status.success())
}

struct Device {
    lines: Lines<BufReader<ChildStdout>>,
    /// What it told while something else was waited for.
    heard: Vec<Value>,
    _child: Child,
}

impl Device {
    /// Reads what the device tells until something is so, or was so already.
    async fn until(&mut self, what: &str, is_it: impl Fn(&Value) -> bool) -> Value {
        if let Some(at) = self.heard.iter().position(&is_it) {
            return self.heard.remove(at);
        }
        let told = tokio::time::timeout(LIMIT, async {
            while let Some(line) = self.lines.next_line().await.expect("text") {
                // The test runner's own lines are no JSON.
                let Some(told) =
                    line.find('{').and_then(|at| serde_json::from_str::<Value>(&line[at..]).ok())
                else {
                    continue;
                };
                if is_it(&told) {
                    return Some(told);
                }
                self.heard.push(told);
            }
            None
        });
        match told.await {
            Ok(Some(told)) => told,
            Ok(None) => panic!("the device ended before {what}; it told {:?}", self.heard),
            Err(_) => panic!("{what}: not within {LIMIT:?}; the device told {:?}", self.heard),
        }
    }
}

fn has_address(told: &Value, address: &str) -> bool {
    told["addresses"].as_array().is_some_and(|all| all.iter().any(|found| found == address))
}

async fn stop(mut hub: Child) {
    // `ip netns exec` becomes the hub: the id is the hub's.
    let id = hub.id().expect("it runs").to_string();
    assert!(Command::new("kill").args(["-TERM", &id]).status().is_ok_and(|done| done.success()));
    tokio::time::timeout(LIMIT, hub.wait()).await.expect("an end in time").expect("an end");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_classroom_finds_the_hub_follows_it_and_hears_it_go() {
    let Some(network) = Network::lay(1) else { return };
    let folder = TempDir::new().expect("a folder");
    let mut device = network.device("look");
    let hub = network.serve(&folder.path().join("data"));

    let service =
        device.until("the service", |told| told["what"] == "service" && has_address(told, "10.99.0.1")).await;
    assert_eq!((&service["host"], &service["port"]), (&json!("dreamseed.local."), &json!(PORT)));
    assert_eq!(service["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(service["id"].as_str().map(str::len), Some(36), "{service}");
    device.until("the host name", |told| told["what"] == "host" && has_address(told, "10.99.0.1")).await;
    let page = device.until("the hub by its name", |told| told["what"] == "page").await;
    assert_eq!(page["status"], "HTTP/1.1 200 OK", "the hub takes its own name as a host");

    network.change_address("10.99.0.1", "10.99.0.77");
    device
        .until("the new address", |told| told["what"] == "service" && has_address(told, "10.99.0.77"))
        .await;
    device
        .until("the name at the new address", |told| {
            told["what"] == "host" && has_address(told, "10.99.0.77")
        })
        .await;

    stop(hub).await;
    device.until("the goodbye", |told| told["what"] == "goodbye").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hub_whose_name_is_taken_uses_its_id() {
    let Some(network) = Network::lay(2) else { return };
    let folder = TempDir::new().expect("a folder");
    let mut squatter = network.device("take the name");
    squatter.until("the name is taken", |told| told["what"] == "taken").await;
    let hub = network.serve(&folder.path().join("data"));
    let mut device = network.device("look");
    let service =
        device.until("the service", |told| told["what"] == "service" && has_address(told, "10.99.0.1")).await;
    let id = service["id"].as_str().expect("an id").to_owned();
    let own = json!(format!("dreamseed-{}.local.", &id[id.len() - 8..]));
    if service["host"] != own {
        device.until("the name with the id", |told| told["what"] == "service" && told["host"] == own).await;
    }
    stop(hub).await;
}

/// No test by itself: the other end of the cable, in a process of its own.
#[test]
#[ignore = "started by the tests above in a network namespace"]
fn a_device_of_the_classroom() {
    #[expect(clippy::disallowed_methods, reason = "what the test that started this process wants it to do")]
    let role = std::env::var("DREAMSEED_TEST_DEVICE").unwrap_or_default();
    let daemon = ServiceDaemon::new().expect("multicast DNS");
    match role.as_str() {
        "look" => look(&daemon),
        "take the name" => take_the_name(&daemon),
        _ => {}
    }
}

fn tell(what: &Value) {
    let mut stdout = std::io::stdout().lock();
    writeln!(stdout, "\n{what}").and_then(|()| stdout.flush()).expect("the test listens");
}

fn look(daemon: &ServiceDaemon) {
    let services = daemon.browse(SERVICE).expect("a search");
    let hosts = daemon.resolve_hostname("dreamseed.local.", None).expect("a search");
    let mut seen_page = false;
    loop {
        while let Ok(event) = services.recv_timeout(Duration::from_millis(50)) {
            if let ServiceEvent::ServiceResolved(found) = &event {
                tell(&json!({
                    "what": "service",
                    "host": found.get_hostname(),
                    "port": found.get_port(),
                    "addresses": found.get_addresses_v4(),
                    "id": found.get_property_val_str("id"),
                    "version": found.get_property_val_str("version"),
                }));
            } else if matches!(event, ServiceEvent::ServiceRemoved(..)) {
                tell(&json!({ "what": "goodbye" }));
            }
        }
        while let Ok(event) = hosts.recv_timeout(Duration::from_millis(50)) {
            if let HostnameResolutionEvent::AddressesFound(_, found) = event {
                let addresses: Vec<String> =
                    found.iter().map(|address| address.to_ip_addr().to_string()).collect();
                tell(&json!({ "what": "host", "addresses": addresses }));
                if let (false, Some(address)) =
                    (seen_page, addresses.iter().find_map(|text| text.parse().ok()))
                {
                    seen_page = true;
                    tell(&json!({ "what": "page", "status": open_page(address) }));
                }
            }
        }
    }
}

/// Asks for a page as a browser does that was given the name.
fn open_page(address: Ipv4Addr) -> String {
    let ask = || -> std::io::Result<String> {
        let mut stream = TcpStream::connect((address, PORT))?;
        write!(
            stream,
            "GET /api/v1/hub HTTP/1.1\r\nHost: dreamseed.local:{PORT}\r\nConnection: close\r\n\r\n"
        )?;
        std::io::read_to_string(stream)
    };
    ask().map_or_else(|err| err.to_string(), |reply| reply.lines().next().unwrap_or_default().to_owned())
}

fn take_the_name(daemon: &ServiceDaemon) {
    // So that what it tells below is about the cable.
    daemon.disable_interface(vec![IfKind::LoopbackV4, IfKind::IPv6]).expect("asked");
    let properties: [(&str, &str); 0] = [];
    let other = ServiceInfo::new("_other._tcp.local.", "other", "dreamseed.local.", "", 9, &properties[..]);
    let answers = daemon.monitor().expect("events");
    daemon.register(other.expect("a service").enable_addr_auto()).expect("registered");
    while let Ok(event) = answers.recv() {
        if matches!(event, mdns_sd::DaemonEvent::Announce(..)) {
            tell(&json!({ "what": "taken" }));
        }
    }
}
