//! `api`: durable answers, then problem lists, over kept connections.

use crate::{
    drive::{Driven, Extent, Source, drive},
    http1::Reply,
    hub_process::{HubProcess, own_cpu_time},
    random::Random,
    report::{Report, Target, tell},
    school::Work,
};
use anyhow::Result;
use dreamseed_wire::ids::AttemptId;
use std::{rc::Rc, time::Duration};

/// What was driven, for the plot.
pub struct ApiRuns {
    pub answers: Driven,
    pub lists: Driven,
}

/// Drives answers, then lists, and adds their figures to the report.
pub async fn measure_api(
    hub: &HubProcess,
    work: &Rc<Work>,
    extent: Extent,
    report: &mut Report,
) -> Result<ApiRuns> {
    tell(&format!("answers: {} connections, {:?}", extent.connections, extent.measured));
    let source = Answers { work: Rc::clone(work), pupil: 0, random: Random::new(1), replies: 0, wrong: 0 };
    let before = (hub.cpu_time(), own_cpu_time());
    let (answers, source) = drive(hub.address, extent, source).await?;
    let cpu = (hub.cpu_time() - before.0, own_cpu_time() - before.1);
    report.add(("api", "answers", "rate_per_s"), answers.rate, "1/s", Some(Target::AtLeast(5000.0)));
    report.add(
        ("api", "answers", "p99_ms"),
        answers.latencies.quantile_ms(0.99),
        "ms",
        Some(Target::AtMost(60.0)),
    );
    add_background(report, "answers", &answers, cpu, source.replies);
    report.add(("api", "answers", "wrong_share"), source.wrong as f64 / source.replies as f64, "", None);

    tell(&format!("problem lists: {} connections, {:?}", extent.connections, extent.measured));
    let before = (hub.cpu_time(), own_cpu_time());
    let (lists, source) =
        drive(hub.address, extent, Lists { work: Rc::clone(work), pupil: 0, replies: 0 }).await?;
    let cpu = (hub.cpu_time() - before.0, own_cpu_time() - before.1);
    report.add(("api", "list", "rate_per_s"), lists.rate, "1/s", Some(Target::AtLeast(10_000.0)));
    report.add(("api", "list", "p99_ms"), lists.latencies.quantile_ms(0.99), "ms", None);
    add_background(report, "list", &lists, cpu, source.replies);
    Ok(ApiRuns { answers, lists })
}

/// The figures that explain the others.
fn add_background(
    report: &mut Report,
    case: &'static str,
    driven: &Driven,
    (hub_cpu, own_cpu): (Duration, Duration),
    replies: u64,
) {
    let each_us = |time: Duration| time.as_secs_f64() * 1e6 / replies as f64;
    report.add(("api", case, "p50_ms"), driven.latencies.quantile_ms(0.5), "ms", None);
    report.add(("api", case, "max_ms"), driven.latencies.max_ms(), "ms", None);
    report.add(("api", case, "hub_cpu_us"), each_us(hub_cpu), "µs", None);
    report.add(("api", case, "load_cpu_us"), each_us(own_cpu), "µs", None);
}

/// Fresh answers of all pupils in turn.
struct Answers {
    work: Rc<Work>,
    pupil: usize,
    random: Random,
    replies: u64,
    wrong: u64,
}

impl Source for Answers {
    fn write_next(&mut self, request: &mut Vec<u8>) {
        let pupil = &self.work.pupils[self.pupil];
        self.pupil = (self.pupil + 1) % self.work.pupils.len();
        let template = self.work.classes[pupil.class].pick(self.random.next());
        template.write_request(pupil, AttemptId::new(), request);
    }

    fn accepts(&mut self, reply: &Reply<'_>) -> bool {
        self.replies += 1;
        // Enough to tell that grading took place; a whole JSON parser would take time from the hub.
        let is_wrong = b"\"outcome\":\"wrong\"";
        self.wrong += u64::from(reply.body.windows(is_wrong.len()).any(|window| window == is_wrong));
        reply.status == 201
    }
}

/// Problem lists of all pupils in turn.
struct Lists {
    work: Rc<Work>,
    pupil: usize,
    replies: u64,
}

impl Source for Lists {
    fn write_next(&mut self, request: &mut Vec<u8>) {
        request.clear();
        request.extend_from_slice(self.work.pupils[self.pupil].list_request());
        self.pupil = (self.pupil + 1) % self.work.pupils.len();
    }

    fn accepts(&mut self, reply: &Reply<'_>) -> bool {
        self.replies += 1;
        reply.status == 200
    }
}
