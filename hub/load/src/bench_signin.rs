//! `signin`: a whole class signs in at the same moment, each pupil over a fresh connection. Where the school's classes
//! are smaller, pupils of the next class fill the seats.

use crate::{
    http1::Connection,
    report::{Report, Target, tell},
    school::{Accounts, PupilAccount},
};
use anyhow::{Context, Result, ensure};
use dreamseed_wire::account::SignIn;
use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

/// As many as a class has.
pub const PUPILS: usize = 35;

/// Signs in so many pupils `rounds` times, others each time if the school has them, and adds the slowest round's figures to the report.
pub async fn measure_sign_in(
    address: SocketAddr,
    accounts: &Accounts,
    rounds: usize,
    report: &mut Report,
) -> Result<()> {
    let pupils: Vec<(&str, &PupilAccount)> = accounts
        .classes
        .iter()
        .flat_map(|class| class.pupils.iter().map(|pupil| (class.class_code.as_str(), pupil)))
        .collect();
    ensure!(pupils.len() >= PUPILS, "the school has fewer than {PUPILS} pupils");
    tell(&format!("sign-in: {PUPILS} pupils at once, {rounds} rounds"));
    let mut slowest: Vec<Duration> = Vec::new();
    for seats in pupils.chunks_exact(PUPILS).cycle().take(rounds) {
        let times = sign_in_at_once(address, seats).await?;
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
async fn sign_in_at_once(address: SocketAddr, seats: &[(&str, &PupilAccount)]) -> Result<Vec<Duration>> {
    let mut requests = Vec::new();
    for (class_code, pupil) in seats {
        let body = serde_json::to_string(&SignIn::Pupil {
            class_code: (*class_code).to_owned(),
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
