//! How far a pupil has come: the kept fold of `grading::mastery`, with the last days of work.

use dreamseed_wire::{
    ids::UserId,
    progress::{Progress, SkillProgress},
};

use crate::{
    content_pack,
    hub::Ctx,
    store::{StoreError, masteries, skill_days},
};

/// Days that a progress page shows.
const DAYS: u32 = 30;

/// A pupil's progress over all skills, named in the language they work in.
pub async fn of_pupil(ctx: &Ctx, pupil: UserId) -> Result<Progress, StoreError> {
    let language = ctx.school.get().working_language(pupil);
    ctx.store
        .read(move |conn| {
            let skills = masteries::of_pupil(conn, pupil)?
                .into_iter()
                .map(|mastery| SkillProgress {
                    name: content_pack::skill_name(&mastery.skill, language),
                    mastery: mastery.state.mastery,
                    level: mastery.state.level(),
                    attempts: mastery.state.attempts,
                    right: mastery.state.right,
                    skill: mastery.skill,
                })
                .collect();
            Ok(Progress { pupil_id: pupil, skills, days: skill_days::recent(conn, pupil, DAYS)? })
        })
        .await
}
