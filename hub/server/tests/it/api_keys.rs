//! `/api-keys`: programs of the school read reports and figures, and nothing else.

use std::time::Duration;

use dreamseed_client::{Hub as Client, Method};
use dreamseed_hub::permissions::{BY_API_KEY, RULES, Scope};
use dreamseed_testkit::{TestHub, fraction_problem, refusal, request};
use dreamseed_wire::{
    house::{AddApiKey, NewApiKey},
    ids::*,
};

const DAY: Duration = Duration::from_secs(86_400);

async fn make(hub: &TestHub, per_minute: u32, days: Option<u32>) -> NewApiKey {
    let new = AddApiKey { name: "교육청 통계".into(), per_minute, days };
    hub.admin().await.add_api_key(&new).await.expect("a key")
}

async fn status(hub: &Client, method: Method, path: &str, key: &str) -> u16 {
    let body = if method == Method::GET || method == Method::DELETE { "" } else { r#"{"no_such_field":1}"# };
    request(hub, method, path, Some(key), body).await.status.as_u16()
}

#[tokio::test]
async fn a_key_reads_what_stands_in_its_list_and_nothing_else() {
    let hub = TestHub::start().await;
    hub.give(&[fraction_problem()]).await;
    let pupil = hub.pupil("민지").await;
    let NewApiKey { key, .. } = make(&hub, 10_000, None).await;
    let stranger = hub.stranger();
    let mut open = 0;
    for rule in RULES.iter().filter(|rule| !rule.stranger) {
        let mut path = rule.path.replace("{class_id}", &hub.class.to_string());
        path = path.replace("{user_id}", &pupil.id.to_string());
        while let Some((before, rest)) = path.split_once('{') {
            path = format!("{before}{}{}", UserId::new(), rest.split_once('}').expect("a parameter").1);
        }
        let is_listed = BY_API_KEY.iter().any(|(method, path)| *method == rule.method && *path == rule.path);
        let seen = status(&stranger, rule.method.clone(), &path, &key).await;
        if is_listed {
            assert_eq!((rule.method.clone(), rule.admin), (Method::GET, Scope::Yes), "a key only reads");
            // The report may want its own query; past the door is enough.
            assert!(seen == 200 || seen == 400, "{} {}: {seen}", rule.method, rule.path);
            open += 1;
        } else {
            assert_eq!(seen, 403, "{} {}", rule.method, rule.path);
        }
    }
    let described =
        BY_API_KEY.iter().filter(|(m, p)| RULES.iter().any(|rule| rule.method == *m && rule.path == *p));
    assert_eq!(open, described.count());
    assert!(open >= 3, "{open}");
    let classes = request(&stranger, Method::GET, "/api/v1/classes", Some(&key), "").await.json();
    assert_eq!(classes[0]["name"], "5학년 1반", "with the eyes of an admin");
}

#[tokio::test]
async fn a_key_is_shown_once_and_only_its_hash_is_kept() {
    let mut hub = TestHub::start().await;
    let made = make(&hub, 60, None).await;
    assert!(made.key.starts_with("dsk_") && made.key.len() == 47, "{}", made.key);
    let admin = hub.admin().await;
    let listed = admin.fetch("/api-keys").await.to_string();
    assert!(listed.contains("교육청 통계") && !listed.contains("dsk_"), "{listed}");
    hub.stop().await;
    let bytes = std::fs::read(hub.database()).expect("the file");
    let secret = made.key.as_bytes();
    assert!(
        !bytes.windows(secret.len()).any(|window| window == secret),
        "the key itself lies in the database"
    );
    hub.start_again().await;
    assert_eq!(
        status(&hub.stranger(), Method::GET, "/api/v1/classes", &made.key).await,
        200,
        "kept over a restart"
    );
}

#[tokio::test]
async fn a_key_ends_when_it_is_revoked_or_its_time_is_over() {
    let hub = TestHub::start().await;
    let (stranger, path) = (hub.stranger(), "/api/v1/skills");
    let (kept, short) = (make(&hub, 60, None).await, make(&hub, 60, Some(1)).await);
    let view = async |id: ApiKeyId| {
        let keys = hub.admin().await.api_keys().await.expect("keys");
        keys.into_iter().find(|key| key.api_key_id == id).expect("it")
    };
    assert_eq!(view(kept.api_key_id).await.last_used_at, None);
    assert_eq!(status(&stranger, Method::GET, path, &short.key).await, 200);
    hub.clock.advance(Duration::from_secs(3600));
    assert_eq!(status(&stranger, Method::GET, path, &kept.key).await, 200);
    let used = view(kept.api_key_id).await.last_used_at.expect("used");
    assert_eq!(used, dreamseed_hub::clock::Clock::now(&*hub.clock));

    hub.clock.advance(DAY);
    assert_eq!(status(&stranger, Method::GET, path, &short.key).await, 401, "its day is over");
    assert_eq!(status(&stranger, Method::GET, path, &kept.key).await, 200);
    let admin = hub.admin().await;
    admin.revoke_api_key(kept.api_key_id).await.expect("revoked");
    assert_eq!(status(&stranger, Method::GET, path, &kept.key).await, 401);
    assert_eq!(refusal(admin.revoke_api_key(kept.api_key_id).await), (404, "not_found".into()));
    for wrong in ["dsk_", "dsk_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", &kept.key[..46]] {
        assert_eq!(status(&stranger, Method::GET, path, wrong).await, 401, "{wrong}");
    }
    let log = admin.audit("?action=revoke%20api%20key").await.expect("the log").entries;
    assert_eq!((log.len(), log[0].detail.as_str()), (1, kept.api_key_id.to_string().as_str()));
}

#[tokio::test]
async fn each_key_has_a_limit_of_its_own() {
    let hub = TestHub::start().await;
    let (slow, other) = (make(&hub, 1, None).await, make(&hub, 1, None).await);
    let stranger = hub.stranger();
    let ask = async |key: &str| status(&stranger, Method::GET, "/api/v1/skills", key).await;
    assert_eq!((ask(&slow.key).await, ask(&slow.key).await, ask(&other.key).await), (200, 429, 200));
    let reply = request(&stranger, Method::GET, "/metrics", Some(&slow.key), "").await;
    assert_eq!(reply.refusal(), (429, "too_many_requests".into()));
    assert!(!reply.header("retry-after").is_empty());
}

#[tokio::test]
async fn figures_are_read_with_a_key() {
    let hub = TestHub::start().await;
    let made = make(&hub, 60, None).await;
    assert!(
        hub.stranger().metrics(Some(&made.key)).await.expect("figures").contains("dreamseed_engine_ready")
    );
    let wrong = format!("dsk_{}", "A".repeat(43));
    let reply = request(&hub.stranger(), Method::GET, "/metrics", Some(&wrong), "").await;
    assert_eq!(reply.status, 401);
}

#[tokio::test]
async fn what_cannot_be_is_refused() {
    let hub = TestHub::start().await;
    let admin = hub.admin().await;
    let good = AddApiKey { name: "통계".into(), per_minute: 60, days: None };
    for bad in [
        AddApiKey { name: "  ".into(), ..good.clone() },
        AddApiKey { name: "가".repeat(61), ..good.clone() },
        AddApiKey { name: "a\u{7}b".into(), ..good.clone() },
        AddApiKey { per_minute: 0, ..good.clone() },
        AddApiKey { per_minute: 10_001, ..good.clone() },
        AddApiKey { days: Some(0), ..good.clone() },
        AddApiKey { days: Some(u32::MAX), ..good.clone() },
    ] {
        assert_eq!(refusal(admin.add_api_key(&bad).await), (422, "bad_field".into()), "{bad:?}");
    }
    assert!(admin.api_keys().await.expect("keys").is_empty());
}
