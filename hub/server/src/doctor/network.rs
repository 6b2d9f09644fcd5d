//! Whether devices of the school reach the hub: its port, the firewall before it, and its name.

use std::{
    io::{self, Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    time::Duration,
};

use super::{Finding, Machine, fail, ok, warn};

/// A hub on the same machine answers within this or not at all.
const ANSWER: Duration = Duration::from_secs(2);

/// The port as seen from outside a hub.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Port {
    /// This data folder's hub answers there.
    Answers,
    /// This data folder's hub runs, but does not answer there.
    Silent,
    /// No hub runs, and the port is free.
    Free,
    /// No hub runs, and it cannot be opened.
    Closed(io::ErrorKind),
}

/// Looks at the port from outside.
pub fn look_at_port(address: SocketAddr, is_running: bool) -> Port {
    if is_running {
        let ready = get(address.port(), "/readyz").is_some_and(|reply| reply.contains("ready"));
        return if ready { Port::Answers } else { Port::Silent };
    }
    match TcpListener::bind(address) {
        Ok(_) => Port::Free,
        Err(err) => Port::Closed(err.kind()),
    }
}

/// A page of the hub that runs on this machine.
pub fn get(port: u16, path: &str) -> Option<String> {
    let mut stream = TcpStream::connect_timeout(&SocketAddr::from(([127, 0, 0, 1], port)), ANSWER).ok()?;
    stream.set_read_timeout(Some(ANSWER)).ok()?;
    stream.set_write_timeout(Some(ANSWER)).ok()?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").ok()?;
    let mut reply = String::new();
    stream.take(1 << 20).read_to_string(&mut reply).ok()?;
    reply.starts_with("HTTP/1.1 200").then_some(reply)
}

/// What the port's state means.
pub fn judge_port(port: u16, seen: &Port) -> Finding {
    const CHECK: &str = "ports";
    match seen {
        Port::Answers => ok(
            CHECK,
            format!("허브가 포트 {port}에서 응답합니다."),
            format!("The hub answers on port {port}."),
        ),
        Port::Free => ok(
            CHECK,
            format!("허브가 실행 중이 아니고, 포트 {port}은(는) 비어 있습니다."),
            format!("The hub is not running, and port {port} is free."),
        ),
        Port::Silent => warn(
            CHECK,
            format!(
                "허브가 실행 중인데 포트 {port}에서 응답하지 않습니다. 다른 포트로 시작했을 수 있습니다."
            ),
            format!(
                "The hub is running but does not answer on port {port}; it may have been started with another one."
            ),
            "허브를 시작할 때 쓴 --config와 --port를 확인하고, 그래도 응답이 없으면 다시 시작하세요.",
            "Look at the --config and --port it was started with; if it still does not answer, restart it.",
        ),
        Port::Closed(io::ErrorKind::PermissionDenied) => fail(
            CHECK,
            format!("포트 {port}을(를) 열 권한이 없습니다. 허브를 시작할 수 없습니다."),
            format!("This user may not open port {port}: the hub cannot start."),
            "http.port를 1024 이상으로 하세요.",
            "Set http.port to 1024 or more.",
        ),
        Port::Closed(kind) => fail(
            CHECK,
            format!("다른 프로그램이 포트 {port}을(를) 쓰고 있습니다({kind}). 허브를 시작할 수 없습니다."),
            format!("Another program holds port {port} ({kind}): the hub cannot start."),
            format!("`ss -ltnp 'sport = :{port}'`로 어떤 프로그램인지 보고 멈추거나, http.port를 바꾸세요."),
            format!("See which one with `ss -ltnp 'sport = :{port}'` and stop it, or change http.port."),
        ),
    }
}

/// Whether a firewall of this machine keeps the school's devices out.
pub fn check_firewall(machine: &Machine, lan: bool, port: u16) -> Finding {
    const CHECK: &str = "firewall";
    if !lan {
        return ok(
            CHECK,
            "허브가 이 컴퓨터에서만 접속을 받으므로 방화벽은 상관없습니다.",
            "The hub takes connections from this machine only; the firewall does not matter.",
        );
    }
    let wall = Wall::read(machine, port);
    let list = format!("TCP {port}, UDP 5353");
    match wall {
        Wall::Open => ok(
            CHECK,
            format!("이 컴퓨터의 방화벽이 {list}을(를) 막지 않습니다."),
            format!("This machine's firewall does not block {list}."),
        ),
        Wall::Blocks => fail(
            CHECK,
            format!("이 컴퓨터의 방화벽이 TCP {port}을(를) 막습니다. 교실의 기기가 접속할 수 없습니다."),
            format!("This machine's firewall blocks TCP {port}: devices of the classroom cannot connect."),
            format!(
                "열어 주세요: ufw allow {port}/tcp && ufw allow 5353/udp (ufw를 쓰지 않으면 같은 규칙을 직접 넣으세요)"
            ),
            format!(
                "Open it: ufw allow {port}/tcp && ufw allow 5353/udp (without ufw, add the same rules by hand)"
            ),
        ),
        Wall::BlocksName => warn(
            CHECK,
            "방화벽이 UDP 5353을 막아서 교실에서 허브를 이름으로 찾을 수 없습니다. 주소로는 접속됩니다.",
            "The firewall blocks UDP 5353: the classroom cannot find the hub by name, only by address.",
            "열어 주세요: ufw allow 5353/udp",
            "Open it: ufw allow 5353/udp",
        ),
        Wall::Unknown => warn(
            CHECK,
            "방화벽 규칙을 읽을 수 없어 알 수 없습니다(관리자 권한이 필요합니다).",
            "The rules of the firewall cannot be read (that needs root), so this cannot be told.",
            format!(
                "교실의 기기에서 접속해 보세요. 되지 않으면 `sudo ufw status`에서 {list}을(를) 확인하세요."
            ),
            format!("Try from a device of the classroom; if it fails, look for {list} in `sudo ufw status`."),
        ),
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Wall {
    Open,
    Blocks,
    BlocksName,
    Unknown,
}

impl Wall {
    fn read(machine: &Machine, port: u16) -> Self {
        if let Some(status) = machine.run("ufw", &["status"])
            && !status.contains("Status: inactive")
        {
            return Wall::of(ufw_allows(&status, port, "tcp"), ufw_allows(&status, 5353, "udp"));
        }
        if let Some(rules) = machine.run("nft", &["list", "ruleset"]) {
            return Wall::of(nft_allows(&rules, port, "tcp"), nft_allows(&rules, 5353, "udp"));
        }
        match machine.run("iptables", &["-S", "INPUT"]) {
            Some(rules) => {
                Wall::of(iptables_allows(&rules, port, "tcp"), iptables_allows(&rules, 5353, "udp"))
            }
            None => Wall::Unknown,
        }
    }

    fn of(port: bool, name: bool) -> Self {
        match (port, name) {
            (true, true) => Wall::Open,
            (true, false) => Wall::BlocksName,
            (false, _) => Wall::Blocks,
        }
    }
}

/// `7420/tcp  ALLOW  Anywhere`, or the port without a protocol, or everything.
fn ufw_allows(status: &str, port: u16, protocol: &str) -> bool {
    let (exact, any) = (format!("{port}/{protocol}"), port.to_string());
    status.lines().any(|line| {
        let mut words = line.split_whitespace();
        let to = words.next().unwrap_or_default();
        (to == exact || to == any || to == "Anywhere") && matches!(words.next(), Some("ALLOW" | "LIMIT"))
    })
}

/// Whether the chains at the input hook let a new connection to a port in: by a rule for it, or because nothing drops.
fn nft_allows(rules: &str, port: u16, protocol: &str) -> bool {
    let mut in_input = false;
    let mut drops = false;
    for line in rules.lines().map(str::trim) {
        if line.starts_with("chain ") {
            in_input = false;
        }
        in_input |= line.contains("hook input");
        let names_port = line.contains(&format!("{protocol} dport")) && has_number(line, port);
        if names_port && line.contains("accept") {
            return true;
        }
        drops |= in_input && line.contains("hook input") && line.contains("policy drop");
        // A rule without a condition ends the chain.
        drops |= in_input && (line == "drop" || line.starts_with("reject") || line == "counter drop");
        drops |= names_port && (line.contains("drop") || line.contains("reject"));
    }
    !drops
}

fn iptables_allows(rules: &str, port: u16, protocol: &str) -> bool {
    let of_port = |line: &str| {
        line.contains(&format!("-p {protocol}")) && line.contains("dport") && has_number(line, port)
    };
    if rules.lines().any(|line| of_port(line) && line.contains("-j ACCEPT")) {
        return true;
    }
    let ends = |line: &str| line.contains("-j DROP") || line.contains("-j REJECT");
    let drops_all = |line: &str| ends(line) && line.split_whitespace().nth(2) == Some("-j");
    !rules.lines().any(|line| line == "-P INPUT DROP" || drops_all(line) || (of_port(line) && ends(line)))
}

fn has_number(line: &str, number: u16) -> bool {
    line.split(|c: char| !c.is_ascii_digit()).any(|digits| digits.parse() == Ok(number))
}

/// What is known of the hub's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Name {
    /// The settings do not want it announced.
    Off,
    Announced(String),
    /// Wanted, the hub runs, and it is not.
    NotAnnounced,
    /// Wanted; the hub does not run.
    Stopped,
}

/// Whether the classroom finds the hub.
pub fn judge_discovery(lan: bool, name: &Name, addresses: &[Ipv4Addr]) -> Finding {
    const CHECK: &str = "discovery";
    if !lan {
        return warn(
            CHECK,
            "허브가 이 컴퓨터에서만 접속을 받습니다. 교실의 기기는 접속할 수 없습니다.",
            "The hub takes connections from this machine only: the classroom's devices cannot connect.",
            "수업에 쓰려면 --lan으로 시작하거나 설정에서 http.lan을 켜세요.",
            "For lessons, start it with --lan or turn http.lan on in the settings.",
        );
    }
    let Some(first) = addresses.first() else {
        return fail(
            CHECK,
            "이 컴퓨터가 네트워크에 연결되어 있지 않습니다. 교실의 기기가 접속할 수 없습니다.",
            "This machine is not connected to a network: the classroom's devices cannot connect.",
            "네트워크 선을 꽂거나 학교 와이파이에 연결하세요.",
            "Plug the network cable in, or join the school's Wi-Fi.",
        );
    };
    match name {
        Name::Announced(host) => ok(
            CHECK,
            format!("허브가 {host}(으)로 알려져 있고, 주소는 {first}입니다."),
            format!("The hub is announced as {host}; its address is {first}."),
        ),
        Name::Stopped => ok(
            CHECK,
            format!("허브가 시작되면 이름을 알립니다. 이 컴퓨터의 주소는 {first}입니다."),
            format!("The hub announces its name when it runs. This machine's address is {first}."),
        ),
        Name::Off => ok(
            CHECK,
            format!("이름은 알리지 않도록 설정되어 있습니다. 주소는 {first}입니다."),
            format!("The settings keep the name unannounced. The address is {first}."),
        ),
        Name::NotAnnounced => warn(
            CHECK,
            format!("교실에서 허브를 이름으로 찾을 수 없습니다. 주소 {first}(으)로는 접속됩니다."),
            format!("The classroom cannot find the hub by name; the address {first} works."),
            "관리 화면의 접속 QR 코드를 쓰고, 공유기의 멀티캐스트(mDNS) 차단을 확인하세요.",
            "Use the QR code of the admin pages, and see whether the router blocks multicast (mDNS).",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dreamseed_wire::house::DoctorLevel::{Fail, Ok as Fine, Warn};

    #[test]
    fn a_port_that_another_program_holds_is_a_fault() {
        let other = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = other.local_addr().expect("its address");
        let seen = look_at_port(address, false);
        assert_eq!(seen, Port::Closed(io::ErrorKind::AddrInUse));
        let found = judge_port(address.port(), &seen);
        assert!(found.level == Fail && found.text.en.contains(&address.port().to_string()));
        assert_eq!(look_at_port(address, true), Port::Silent, "it is no hub");
        drop(other);
        assert_eq!(judge_port(address.port(), &look_at_port(address, false)).level, Fine);
        assert_eq!(judge_port(80, &Port::Closed(io::ErrorKind::PermissionDenied)).level, Fail);
        assert_eq!(judge_port(80, &Port::Silent).level, Warn);
    }

    fn wall(tool: &'static str, says: &'static str) -> Wall {
        let root = tempfile::tempdir().expect("a folder");
        let machine = Machine::at(root.path(), move |asked, _| (asked == tool).then(|| says.to_owned()));
        Wall::read(&machine, 7420)
    }

    #[test]
    fn ufw_is_understood() {
        assert_eq!(wall("ufw", "Status: inactive\n"), Wall::Unknown, "the next tool is asked");
        assert_eq!(wall("ufw", "Status: active\n\nTo   Action  From\n22/tcp ALLOW Anywhere\n"), Wall::Blocks);
        assert_eq!(wall("ufw", "Status: active\n7420/tcp ALLOW Anywhere\n"), Wall::BlocksName);
        assert_eq!(
            wall("ufw", "Status: active\n7420 ALLOW Anywhere\n5353/udp ALLOW 10.0.0.0/8\n"),
            Wall::Open
        );
        assert_eq!(wall("ufw", "Status: active\n7420/tcp DENY Anywhere\n"), Wall::Blocks);
        assert_eq!(wall("ufw", "Status: active\n17420/tcp ALLOW Anywhere\n"), Wall::Blocks);
    }

    #[test]
    fn nft_and_iptables_are_understood() {
        assert_eq!(wall("nft", ""), Wall::Open);
        let chain =
            "table inet filter {\n chain input {\n  type filter hook input priority filter; policy drop;\n";
        assert_eq!(wall("nft", chain), Wall::Blocks);
        let open: &'static str = "chain input {\n type filter hook input priority 0; policy drop;\n tcp dport { 22, 7420 } accept\n udp dport 5353 accept\n}";
        assert_eq!(wall("nft", open), Wall::Open);
        let rejects: &'static str = "chain input {\n type filter hook input priority 0; policy accept;\n tcp dport 22 accept\n reject with icmpx admin-prohibited\n}";
        assert_eq!(wall("nft", rejects), Wall::Blocks);
        let forward: &'static str = "chain forward {\n type filter hook forward priority 0; policy drop;\n}";
        assert_eq!(wall("nft", forward), Wall::Open);

        assert_eq!(wall("iptables", "-P INPUT ACCEPT\n"), Wall::Open);
        assert_eq!(
            wall("iptables", "-P INPUT DROP\n-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT\n"),
            Wall::Blocks
        );
        assert_eq!(
            wall("iptables", "-P INPUT DROP\n-A INPUT -p tcp -m tcp --dport 7420 -j ACCEPT\n"),
            Wall::BlocksName
        );
        assert_eq!(wall("iptables", "-P INPUT ACCEPT\n-A INPUT -j REJECT\n"), Wall::Blocks);
        assert_eq!(wall("none", ""), Wall::Unknown);
    }

    #[test]
    fn each_wall_has_its_line() {
        let root = tempfile::tempdir().expect("a folder");
        let unreadable = Machine::at(root.path(), |_, _| None);
        assert_eq!(check_firewall(&unreadable, false, 7420).level, Fine);
        let found = check_firewall(&unreadable, true, 7420);
        assert!(found.level == Warn && found.text.en.contains("cannot be told"));
        let closed =
            Machine::at(root.path(), |tool, _| (tool == "ufw").then(|| "Status: active\n".to_owned()));
        let found = check_firewall(&closed, true, 7420);
        assert!(found.level == Fail && found.next_step.is_some_and(|next| next.en.contains("7420/tcp")));
    }

    #[test]
    fn a_hub_that_nobody_finds_is_told() {
        let home = [Ipv4Addr::new(192, 168, 0, 10)];
        for (lan, name, addresses, level) in [
            (false, Name::Off, &home[..], Warn),
            (true, Name::Announced("dreamseed.local".into()), &home, Fine),
            (true, Name::NotAnnounced, &home, Warn),
            (true, Name::Stopped, &home, Fine),
            (true, Name::Announced("dreamseed.local".into()), &[], Fail),
        ] {
            assert_eq!(judge_discovery(lan, &name, addresses).level, level, "{lan} {name:?} {addresses:?}");
        }
    }
}
