//! `/notices`, `/models`, `/engine`: what the admin looks after.

use dreamseed_hub::store::notices;
use dreamseed_models::engine::EnginePhase;
use dreamseed_testkit::{HandEngine, TestHub, refusal};
use dreamseed_wire::{Language, hub::NoticeCode, ids::*, model::EngineState};

const ALL: [NoticeCode; 9] = [
    NoticeCode::ModelLanguage,
    NoticeCode::NoModel,
    NoticeCode::EngineResting,
    NoticeCode::ClockSetBack,
    NoticeCode::DiskLow,
    NoticeCode::TokenReuse,
    NoticeCode::NotAnnounced,
    NoticeCode::AuditBroken,
    NoticeCode::RetentionFailed,
];

async fn raise(hub: &TestHub, code: NoticeCode) {
    use dreamseed_hub::clock::Clock;
    let now = hub.clock.now();
    hub.write(move |tx| notices::raise(tx, code, &serde_json::json!({}), now)).await;
}

#[tokio::test]
async fn every_notice_says_what_happened_and_what_to_do_in_both_languages() {
    let hub = TestHub::start().await;
    let admin = hub.admin().await;
    for code in ALL {
        raise(&hub, code).await;
        raise(&hub, code).await;
    }
    let (korean, english) = (
        admin.notices(Language::Ko).await.expect("notices"),
        admin.notices(Language::En).await.expect("notices"),
    );
    assert_eq!((korean.len(), english.len()), (ALL.len(), ALL.len()), "one of each is open at a time");
    let is_korean = |text: &str| text.chars().any(|c| ('가'..='힣').contains(&c));
    for (ko, en) in korean.iter().zip(&english) {
        assert_eq!(ko.notice_id, en.notice_id);
        assert!(is_korean(&ko.text) && is_korean(&ko.next_step), "{ko:?}");
        assert!(!is_korean(&en.text) && !is_korean(&en.next_step) && !en.next_step.is_empty(), "{en:?}");
    }
    // Without a wish: the admin's own language.
    let default = admin.fetch("/notices").await;
    assert!(is_korean(default[0]["text"].as_str().expect("a text")));

    admin.dismiss_notice(korean[0].notice_id).await.expect("dismissed");
    assert_eq!(admin.notices(Language::Ko).await.expect("notices").len(), ALL.len() - 1);
    let unknown = (404, "not_found".to_owned());
    assert_eq!(refusal(admin.dismiss_notice(korean[0].notice_id).await), unknown);
    assert_eq!(refusal(admin.dismiss_notice(NoticeId::new()).await), unknown);
    raise(&hub, korean[0].code).await;
    assert_eq!(admin.notices(Language::Ko).await.expect("notices").len(), ALL.len(), "raised again");
}

#[tokio::test]
async fn the_catalogue_says_how_to_get_each_model() {
    let hub = TestHub::start().await;
    let models = hub.admin().await.models().await.expect("models");
    let starter = models.iter().find(|model| model.verified).expect("a verified model");
    assert!(
        starter.bytes.is_some() && starter.languages == [Language::En] && !starter.installed,
        "{starter:?}"
    );
    for model in &models {
        assert!(!model.active && !model.how_to_get.is_empty() && !model.licence.is_empty(), "{model:?}");
    }
    assert!(models.iter().any(|model| model.languages.contains(&Language::Ko)), "a model for Korean classes");
}

#[tokio::test]
async fn the_engines_state_is_seen() {
    let engine = HandEngine::new(&["ko", "en"]);
    let hub = TestHub::with_engine(engine.clone(), |_| {}).await;
    let teacher = hub.teacher().await;
    for (phase, state) in [
        (EnginePhase::Ready, EngineState::Ready),
        (EnginePhase::Starting, EngineState::Starting),
        (EnginePhase::Restarting, EngineState::Restarting),
        (EnginePhase::Resting, EngineState::Resting),
        (EnginePhase::NoModel, EngineState::NoModel),
    ] {
        engine.set_phase(phase);
        let view = teacher.engine().await.expect("the engine");
        assert_eq!((view.state, view.model.as_deref()), (state, Some("by-hand")));
        assert_eq!(view.languages, [Language::Ko, Language::En]);
    }
}
