//! `signin`: a whole class signs in at the same moment, each pupil over a fresh connection.

use crate::{
    http1::Connection,
    report::{Report, Target, tell},
    school::{Accounts, ClassAccounts},
};
use anyhow::{Context, Result, ensure};
use dreamseed_wire::account::SignIn;
use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

/// As many as a class has.
pub const PUPILS: usize = 35;

/// Signs in `rounds` classes, one after the other, and adds the slowest round's figures to the report.
pub async fn measure_sign_in(
    address: SocketAddr,
    accounts: &Accounts,
    rounds: usize,
    report: &mut Report,
) -> Result<()> {
    let classes: Vec<_> = accounts.classes.iter().filter(|class| class.pupils.len() >= PUPILS).collect();
    ensure!(!classes.is_empty(), "no class has {PUPILS} pupils");
    tell(&format!("sign-in: {PUPILS} pupils of one class at once, {rounds} classes"));
    let mut slowest: Vec<Duration> = Vec::new();
    for class in classes.iter().cycle().take(rounds) {
        let times = sign_in_class(address, class).await?;
        if times.last() > slowest.last() {
            slowest = times;
        }
    }
    let ms = |time: Option<&Duration>| time.map_or(0.0, |time| time.as_secs_f64() * 1000.0);
    report.add(("signin", "signin35", "last_ms"), ms(slowest.last()), "ms", Some(Target::AtMost(700.0)));
    report.add(("signin", "signin35", "p50_ms"), ms(slowest.get(PUPILS / 2)), "ms", None);
    report.add(("signin", "signin35", "first_ms"), ms(slowest.first()), "ms", None);
    Ok(())
}

/// From the common start to each pupil's tokens, sorted.
async fn sign_in_class(address: SocketAddr, class: &ClassAccounts) -> Result<Vec<Duration>> {
    let mut requests = Vec::new();
    for pupil in &class.pupils[..PUPILS] {
        let body = serde_json::to_string(&SignIn::Pupil {
            class_code: class.class_code.clone(),
            pupil_id: pupil.pupil_id,
            pin: pupil.pin.clone(),
            native: false,
        })?;
        let length = body.len();
        requests.push(format!(
            "POST /api/v1/sessions HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
        ));
    }
    let start = Instant::now();
    let pupils: Vec<_> = requests
        .into_iter()
        .map(|request| {
            tokio::spawn(async move {
                let mut connection = Connection::open(address).await?;
                let reply = connection.exchange(request.as_bytes(), |reply| {
                    (reply.status, String::from_utf8_lossy(&reply.body).into_owned())
                });
                reply.await.map(|(status, body)| (status, body, start.elapsed()))
            })
        })
        .collect();
    let mut times = Vec::new();
    for pupil in pupils {
        let (status, body, time) = pupil.await?.context("a pupil's connection broke")?;
        ensure!(status == 201, "a pupil was refused with {status}: {body}");
        times.push(time);
    }
    times.sort_unstable();
    Ok(times)
}
