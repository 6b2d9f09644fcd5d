//! `report`: the report of a class that has worked for a year, over four weeks and over the whole year.

use crate::{
    drive::{Driven, SLICE},
    histogram::Histogram,
    http1::Connection,
    hub_process::HubProcess,
    report::{Report, Target, tell},
    school::{Accounts, sign_in_teachers},
};
use anyhow::{Context, Result, ensure};
use dreamseed_client::Hub;
use dreamseed_wire::report::ClassReport;
use jiff::{Span, civil::Date};
use std::time::Instant;

/// Days of the longest report: a year.
const YEAR: i64 = 366;

/// One kind of report, driven.
pub struct ReportRun {
    pub name: &'static str,
    pub driven: Driven,
}

/// Asks for each kind of report so often, one after the other as its teacher would, and adds the figures.
pub async fn measure_reports(
    hub: &HubProcess,
    accounts: &Accounts,
    requests: u32,
    answers: u32,
    today: Date,
    report: &mut Report,
) -> Result<Vec<ReportRun>> {
    let client = Hub::new(&format!("http://{}", hub.address))?;
    let class = accounts.classes.first().context("a school without classes")?;
    let teachers = sign_in_teachers(&client, accounts).await?;
    let token = teachers.first().and_then(Hub::access_token).context("the teacher's token")?;
    let year = format!("?from={}&to={today}", today.saturating_sub(Span::new().days(YEAR)));
    let mut runs = Vec::new();
    for (case, name, query) in [("four_weeks", "Four weeks", ""), ("year", "Whole year", &year)] {
        tell(&format!("report of a class with {answers} answers, {case}: {requests} requests"));
        let request = format!(
            "GET /api/v1/classes/{}/report{query} HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {token}\r\n\r\n",
            class.class_id, hub.address
        );
        let cpu = hub.cpu_time();
        let (driven, read) = ask(hub, &request, requests).await.context(case)?;
        let cpu = (hub.cpu_time() - cpu).as_secs_f64() * 1000.0 / f64::from(requests);
        // What could not be read is no answer of a report, and there is some of it.
        let expected = if query.is_empty() { 1 } else { answers / 10 * 9 };
        ensure!(read.answers >= expected, "{case}: the report is about {} answers only", read.answers);
        let latencies = &driven.latencies;
        report.add(
            ("report", case, "p95_ms"),
            latencies.quantile_ms(0.95),
            "ms",
            Some(Target::AtMost(150.0)),
        );
        report.add(("report", case, "p50_ms"), latencies.quantile_ms(0.5), "ms", None);
        report.add(("report", case, "max_ms"), latencies.max_ms(), "ms", None);
        report.add(("report", case, "hub_cpu_ms"), cpu, "ms", None);
        report.add(("report", case, "answers"), f64::from(read.answers), "", None);
        runs.push(ReportRun { name, driven });
    }
    Ok(runs)
}

/// Sends the request so often, one after the other on one connection; what the last reply says.
async fn ask(hub: &HubProcess, request: &str, requests: u32) -> Result<(Driven, ClassReport)> {
    let mut connection = Connection::open(hub.address).await?;
    let mut slices: Vec<Histogram> = Vec::new();
    let mut latencies = Histogram::default();
    let mut last = None;
    let begun = Instant::now();
    for _ in 0..requests.max(1) {
        let sent = Instant::now();
        let (status, body) = connection
            .exchange(request.as_bytes(), |reply| (reply.status, reply.body.to_vec()))
            .await
            .context("the connection to the hub broke")?;
        let took = sent.elapsed();
        ensure!(status == 200, "the hub refused with {status}: {}", String::from_utf8_lossy(&body));
        latencies.record(took);
        let slice = (begun.elapsed().as_nanos() / SLICE.as_nanos()) as usize;
        slices.resize_with(slices.len().max(slice + 1), Histogram::default);
        slices[slice].record(took);
        last = Some(body);
    }
    let rate = f64::from(requests) / begun.elapsed().as_secs_f64();
    let read = serde_json::from_slice(&last.unwrap_or_default()).context("a report of a class")?;
    Ok((Driven { latencies, slices, rate }, read))
}
