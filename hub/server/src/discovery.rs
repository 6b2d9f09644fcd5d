//! How devices of the school find the hub: announced by multicast DNS under a name, shown as an address and a QR code.
//!
//! The hub is announced where it listens: on IPv4, on every real interface, only if `http.lan` is on. Its host name is
//! `dreamseed.local`; where another machine has that name, `dreamseed-<first 8 of the id>.local`. A changed address is
//! followed, and a stop says goodbye. The name is a hint, never an identity: anybody on the network can claim it.

use std::{net::Ipv4Addr, sync::Arc, time::Duration};

use dreamseed_wire::{house::HubAddress, hub::NoticeCode, ids::HubId};
use fast_qr::{ECL, QRBuilder, convert::svg::SvgBuilder, qr::QRCodeError};
use if_addrs::{IfAddr, Interface};
use mdns_sd::{DaemonEvent, IfKind, IfPredicate, Receiver, ServiceDaemon, ServiceInfo, UnregisterStatus};
use parking_lot::RwLock;

use crate::{
    config::Config,
    hub::Ctx,
    store::{StoreError, notices},
};

/// The service type of every hub.
pub const SERVICE: &str = "_dreamseed._tcp.local.";
/// The host name, unless another machine has it.
const HOST: &str = "dreamseed.local";
/// How long a stop waits for the goodbye.
const GOODBYE: Duration = Duration::from_secs(2);
/// Before the next try after the network could not be used.
const REST: Duration = Duration::from_secs(60);
/// Beginnings of the names of interfaces that lead to containers and virtual machines, not to the school.
const VIRTUAL: [&str; 10] =
    ["docker", "br-", "veth", "virbr", "vmnet", "vboxnet", "cni", "flannel", "cali", "lxc"];

/// Under which name the hub is announced now.
#[derive(Default)]
pub struct Discovery {
    is_wanted: bool,
    host: RwLock<Option<Arc<str>>>,
}

impl Discovery {
    /// Nothing is announced yet.
    pub fn new(config: &Config) -> Self {
        Discovery { is_wanted: config.http.lan && config.discovery.announce, host: RwLock::default() }
    }

    /// Whether the settings want the hub announced.
    pub fn is_wanted(&self) -> bool {
        self.is_wanted
    }

    /// The host name while it is announced, without a dot at its end.
    pub fn host_name(&self) -> Option<Arc<str>> {
        self.host.read().clone()
    }
}

/// Announces the hub until it stops.
pub async fn announce_until_stopped(ctx: Arc<Ctx>) {
    if !ctx.discovery.is_wanted {
        ctx.stopping.cancelled().await;
        return;
    }
    let mut has_told = false;
    while !ctx.stopping.is_cancelled() {
        match announce(&ctx).await {
            Ok(()) => {}
            Err(err) => {
                tracing::warn!(error = %err, "the hub cannot be announced on the network; trying again");
                if !std::mem::replace(&mut has_told, true) {
                    tell_admin(&ctx).await;
                }
            }
        }
        *ctx.discovery.host.write() = None;
        tokio::select! {
            () = ctx.stopping.cancelled() => {}
            () = tokio::time::sleep(REST) => {}
        }
    }
}

/// How a device reaches the hub.
///
/// # Errors
/// An address that fits in no QR code, which cannot be.
pub fn address(ctx: &Ctx) -> Result<HubAddress, QRCodeError> {
    let port = ctx.address.port();
    let url =
        |host: &str| if port == 80 { format!("http://{host}/") } else { format!("http://{host}:{port}/") };
    let on_network = ctx.config.http.lan;
    let numeric: Vec<String> = if on_network {
        own_addresses().iter().map(|address| url(&address.to_string())).collect()
    } else {
        Vec::new()
    };
    let host_name = ctx.discovery.host_name();
    let mut urls: Vec<String> = host_name.iter().map(|host| url(host)).collect();
    urls.extend(numeric.iter().cloned());
    if urls.is_empty() {
        urls.push(url("localhost"));
    }
    // A camera does not mind digits, and not every tablet knows `.local` names.
    let scanned = numeric.first().or(urls.first()).map(String::as_str).unwrap_or_default();
    Ok(HubAddress {
        qr_svg: draw_qr(scanned)?,
        host_name: host_name.as_deref().map(str::to_owned),
        urls,
        on_network,
    })
}

/// The addresses of this machine in the school's network, the best first: private ones of real interfaces.
pub fn own_addresses() -> Vec<Ipv4Addr> {
    let interfaces = if_addrs::get_if_addrs().unwrap_or_default();
    let mut found: Vec<_> = interfaces
        .iter()
        .filter(|interface| interface.is_oper_up() && !is_virtual(interface))
        .filter_map(|interface| match &interface.addr {
            IfAddr::V4(v4) if !v4.ip.is_loopback() => Some(v4.ip),
            IfAddr::V4(_) | IfAddr::V6(_) => None,
        })
        .collect();
    found.sort_by_key(|address| (address.is_link_local(), !address.is_private(), *address));
    found.dedup();
    found
}

fn is_virtual(interface: &Interface) -> bool {
    VIRTUAL.iter().any(|beginning| interface.name.starts_with(beginning))
}

/// Announces under the best name that is free, and goes on until the hub stops or the name is lost.
async fn announce(ctx: &Ctx) -> Result<(), mdns_sd::Error> {
    let hub_id = ctx.school.get().hub.hub_id;
    let daemon = ServiceDaemon::new()?;
    let ended = announce_by(ctx, &daemon, hub_id).await;
    // Waited for, so that the goodbye is on the network before the process ends.
    if let Ok(done) = daemon.shutdown() {
        let _ = tokio::time::timeout(GOODBYE, done.recv_async()).await;
    }
    ended
}

async fn announce_by(ctx: &Ctx, daemon: &ServiceDaemon, hub_id: HubId) -> Result<(), mdns_sd::Error> {
    // The listener is bound to IPv4.
    daemon.disable_interface(vec![IfKind::IPv6, IfKind::Predicate(IfPredicate::new(is_virtual))])?;
    if !ctx.config.discovery.loopback {
        daemon.disable_interface(IfKind::LoopbackV4)?;
    }
    let mut events = daemon.monitor()?;
    let own = own_name(hub_id);
    let mut host = HOST.to_owned();
    loop {
        let service = describe(&host, hub_id, ctx.address.port())?;
        let full_name = service.get_fullname().to_owned();
        daemon.register(service)?;
        let lost = tokio::select! {
            () = ctx.stopping.cancelled() => None,
            lost = watch(ctx, &mut events, &host) => Some(lost),
        };
        *ctx.discovery.host.write() = None;
        say_goodbye(daemon, &full_name).await;
        match lost {
            None => return Ok(()),
            Some(Lost::Daemon) => return Err(mdns_sd::Error::DaemonShutdown),
            // Another machine has the name: the one with the id is ours alone.
            Some(Lost::Name) if host != own => host.clone_from(&own),
            Some(Lost::Name) => {
                return Err(mdns_sd::Error::Msg(format!("{own} is taken by another machine")));
            }
        }
    }
}

enum Lost {
    Name,
    Daemon,
}

/// Notes that the hub is announced, which is after the network was asked whether the name is free (RFC 6762, section
/// 8.1), and returns when the name had to be given up.
async fn watch(ctx: &Ctx, events: &mut Receiver<DaemonEvent>, host: &str) -> Lost {
    loop {
        match events.recv_async().await {
            Ok(DaemonEvent::NameChange(change)) => {
                if change.original.trim_end_matches('.').eq_ignore_ascii_case(host) {
                    tracing::info!(host, "another machine has this name");
                    return Lost::Name;
                }
            }
            Ok(DaemonEvent::Announce(..)) => {
                let before = ctx.discovery.host.write().replace(host.into());
                if before.is_none() {
                    tracing::info!(host, "the hub is announced on the network");
                }
            }
            Ok(DaemonEvent::IpAdd(address)) => tracing::info!(%address, "announced at a new address"),
            Ok(DaemonEvent::IpDel(address)) => tracing::info!(%address, "an address has gone"),
            Ok(DaemonEvent::Error(err)) => tracing::debug!(error = %err, "multicast DNS"),
            Ok(_) => {}
            Err(_) => return Lost::Daemon,
        }
    }
}

fn describe(host: &str, hub_id: HubId, port: u16) -> Result<ServiceInfo, mdns_sd::Error> {
    let id = hub_id.to_string();
    let properties = [("id", id.as_str()), ("version", env!("CARGO_PKG_VERSION")), ("path", "/")];
    let instance = own_name(hub_id);
    let instance = instance.trim_end_matches(".local");
    Ok(ServiceInfo::new(SERVICE, instance, &format!("{host}."), "", port, &properties[..])?
        .enable_addr_auto())
}

/// The name of this hub alone: the end of its id, since the beginning is the time at which it was made.
fn own_name(hub_id: HubId) -> String {
    let id = hub_id.to_string();
    format!("dreamseed-{}.local", &id[id.len() - 8..])
}

async fn say_goodbye(daemon: &ServiceDaemon, full_name: &str) {
    let Ok(done) = daemon.unregister(full_name) else { return };
    match tokio::time::timeout(GOODBYE, done.recv_async()).await {
        Ok(Ok(UnregisterStatus::OK | UnregisterStatus::NotFound) | Err(_)) | Err(_) => {}
    }
}

async fn tell_admin(ctx: &Ctx) {
    let now = ctx.clock.now();
    let told = ctx
        .store
        .write(move |tx| notices::raise(tx, NoticeCode::NotAnnounced, &serde_json::json!({}), now))
        .await;
    if let Err(err) = told {
        let err: StoreError = err;
        tracing::warn!(error = %err, "a notice could not be kept");
    }
}

/// A QR code that a camera reads even if a quarter of it is hidden, four modules of white around it.
fn draw_qr(text: &str) -> Result<String, QRCodeError> {
    let code = QRBuilder::new(text).ecl(ECL::Q).build()?;
    Ok(SvgBuilder::default().to_str(&code))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_qr_code_is_a_drawing_and_nothing_else() {
        let svg = draw_qr("http://192.168.0.10:7420/").expect("short enough");
        assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>"), "{svg}");
        for word in ["<script", "href", "<image"] {
            assert!(!svg.contains(word), "{word}: {svg}");
        }
        assert!(svg.len() < 32_768, "{}", svg.len());
    }

    #[test]
    fn each_hub_has_a_name_of_its_own() {
        let hub_id: HubId = "0190aabb-ccdd-7eee-8fff-001122334455".parse().expect("an id");
        assert_eq!(own_name(hub_id), "dreamseed-22334455.local");
        let service = describe(&own_name(hub_id), hub_id, 7420).expect("fine");
        assert_eq!(service.get_fullname(), "dreamseed-22334455._dreamseed._tcp.local.");
        assert_eq!(service.get_property_val_str("id"), Some(hub_id.to_string().as_str()));
    }
}
