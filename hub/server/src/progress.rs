//! How far a pupil has come: the pure fold of `grading::mastery` over the log, read when asked for.

use std::collections::BTreeMap;

use dreamseed_grading::mastery;
use dreamseed_wire::{
    ids::UserId,
    progress::{Progress, SkillProgress},
};

use crate::{
    content_pack,
    hub::Ctx,
    store::{StoreError, grades, skill_days},
};

/// Days that a progress page shows.
const DAYS: u32 = 30;

/// A pupil's progress over all skills, named in the language they work in.
pub async fn of_pupil(ctx: &Ctx, pupil: UserId) -> Result<Progress, StoreError> {
    let language = ctx.school.get().working_language(pupil);
    ctx.store
        .read(move |conn| {
            let mut by_skill: BTreeMap<String, Vec<mastery::Evidence>> = BTreeMap::new();
            for (skill, evidence) in grades::evidence(conn, pupil)? {
                by_skill.entry(skill).or_default().push(evidence);
            }
            let skills = by_skill
                .into_iter()
                .map(|(skill, evidence)| {
                    let state = mastery::fold(evidence);
                    SkillProgress {
                        name: content_pack::skill_name(&skill, language),
                        skill,
                        mastery: state.mastery,
                        level: state.level(),
                        attempts: state.attempts,
                        right: state.right,
                    }
                })
                .collect();
            Ok(Progress { pupil_id: pupil, skills, days: skill_days::recent(conn, pupil, DAYS)? })
        })
        .await
}
