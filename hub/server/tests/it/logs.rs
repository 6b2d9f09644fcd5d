//! A day's log of the demo school holds no name, answer, PIN, token or login name.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use dreamseed_client::{Hub as Client, Method};
use dreamseed_hub::demo::{ACCOUNTS_FILE, DemoAccounts};
use dreamseed_testkit::{request, rest_of, within};
use dreamseed_wire::{Language, answer::Answer, attempt::SubmitAnswer, house::AddApiKey, ids::AttemptId};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, BufReader},
    process::{Child, Command},
};

struct Demo {
    folder: TempDir,
    child: Child,
    client: Client,
    accounts: DemoAccounts,
    config: PathBuf,
}

impl Demo {
    async fn start(format: &str) -> Self {
        let folder = TempDir::new().expect("a folder");
        let config = folder.path().join("hub.toml");
        std::fs::write(&config, format!("[log]\nformat = '{format}'\n")).expect("written");
        let data = folder.path().join("data");
        let mut child = Command::new(env!("CARGO_BIN_EXE_dreamseed-hub"))
            .args(["serve", "--demo", "--port", "0", "--engine", "scripted", "--config"])
            .arg(&config)
            .arg("--data")
            .arg(&data)
            .env_remove("DREAMSEED_LOG")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("the hub's binary");
        let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines();
        let address = tokio::time::timeout(Duration::from_secs(90), async {
            while let Ok(Some(line)) = lines.next_line().await {
                if let Some((_, address)) = line.split_once("listening on ") {
                    return address.to_owned();
                }
            }
            panic!("the hub ended before it listened")
        });
        let address = address.await.expect("the demo school is made in time");
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        let accounts = std::fs::read(data.join(ACCOUNTS_FILE)).expect("the accounts");
        let accounts = serde_json::from_slice(&accounts).expect("accounts");
        Demo { client: Client::new(&address).expect("an address"), folder, child, accounts, config }
    }

    /// Stops it as a service manager does, and gives everything that it has logged.
    async fn stop(mut self) -> (String, String) {
        let id = self.child.id().expect("it runs").to_string();
        let mut stderr = self.child.stderr.take().expect("its log");
        std::process::Command::new("kill").args(["-TERM", &id]).status().expect("kill");
        let mut console = String::new();
        within("the end of the log", stderr.read_to_string(&mut console)).await.expect("text");
        within("the end of the hub", self.child.wait()).await.expect("an end");
        let mut files = String::new();
        for entry in std::fs::read_dir(self.folder.path().join("data/logs")).expect("the folder of logs") {
            files.push_str(&std::fs::read_to_string(entry.expect("a file").path()).expect("text"));
        }
        (console, files)
    }
}

fn answer(
    attempt_id: AttemptId,
    problem: dreamseed_wire::ids::ProblemVersionId,
    lesson: dreamseed_wire::ids::LessonId,
    text: &str,
) -> SubmitAnswer {
    SubmitAnswer {
        attempt_id,
        problem_version_id: problem,
        lesson_id: Some(lesson),
        answer: Answer::Number { text: text.into() },
        occurred_at: None,
        device_id: None,
        device_seq: None,
    }
}

/// What people do on a day, right and wrong; gives the secrets that came up on the way.
async fn live_a_day(demo: &Demo) -> Vec<String> {
    let mut secrets = Vec::new();
    for class in &demo.accounts.classes {
        for pupil in class.pupils.iter().take(3) {
            let client = demo.client.stranger();
            client.open_roster(&class.class_code).await.expect("the names");
            assert!(client.sign_in_pupil(&class.class_code, pupil.pupil_id, "987651").await.is_err());
            let signed_in =
                client.sign_in_pupil(&class.class_code, pupil.pupil_id, &pupil.pin).await.expect("in");
            secrets.extend([signed_in.access_token, signed_in.refresh_token.expect("native")]);
            let problems = client.my_problems().await.expect("problems");
            if let Some(lesson) = problems.lessons.first() {
                let problem = lesson.problems[0].problem_version_id;
                for text in ["271828/314159", "여우비가 와요"] {
                    let sent = answer(AttemptId::new(), problem, lesson.lesson_id, text);
                    let Ok(receipt) = client.submit_answer(&sent).await else { continue };
                    if client.ask_help(receipt.attempt_id).await.is_ok() {
                        let mut stream =
                            client.feedback_events(receipt.attempt_id, None).await.expect("help");
                        rest_of(&mut stream).await;
                    }
                }
            }
            let token = client.access_token().expect("signed in");
            let bad = r#"{"attempt_id":"이름 홍길동","answer":"여우비가 와요"}"#;
            request(&client, Method::POST, "/api/v1/attempts", Some(&token), bad).await;
            request(&client, Method::GET, "/api/v1/users?role=김민준", Some(&token), "").await;
            request(&client, Method::GET, "/api/v1/%EA%B9%80%EB%AF%BC%EC%A4%80", Some(&token), "").await;
        }
    }
    let teacher = &demo.accounts.teachers[0];
    let staff = demo.client.stranger();
    assert!(staff.sign_in_password(&teacher.login_name, "여우비가 와요 열두 글자").await.is_err());
    secrets
        .push(staff.sign_in_password(&teacher.login_name, &teacher.password).await.expect("in").access_token);
    staff.classes().await.expect("classes");
    let admin = demo.client.stranger();
    let account = &demo.accounts.admin;
    secrets
        .push(admin.sign_in_password(&account.login_name, &account.password).await.expect("in").access_token);
    let pupil = demo.accounts.classes[0].pupils[5].pupil_id;
    secrets.push(admin.reset_secret(pupil).await.expect("a new PIN").secret);
    let key = AddApiKey { name: "교육청 통계".into(), per_minute: 10, days: None };
    secrets.push(admin.add_api_key(&key).await.expect("a key").key);
    admin.audit("").await.expect("the log");
    admin.export_audit("여우비가 와요").await.expect("a file");
    admin.examine_hub(Language::Ko).await.expect("a report");
    admin.notices(Language::Ko).await.expect("notices");
    secrets
}

fn everything_personal(accounts: &DemoAccounts, more: Vec<String>) -> BTreeSet<String> {
    let mut words: BTreeSet<String> = more.into_iter().collect();
    words.extend(["271828/314159", "여우비", "홍길동", "987651", "%EA%B9%80"].map(str::to_owned));
    for class in &accounts.classes {
        words.insert(class.name.clone());
        words.insert(class.class_code.clone());
        words.extend(class.pupils.iter().flat_map(|pupil| [pupil.name.clone(), pupil.pin.clone()]));
    }
    for (login, password, name) in accounts
        .teachers
        .iter()
        .map(|person| (&person.login_name, &person.password, &person.name))
        .chain(accounts.parents.iter().map(|person| (&person.login_name, &person.password, &person.name)))
    {
        words.extend([login.clone(), password.clone(), name.clone()]);
    }
    words.extend([accounts.admin.login_name.clone(), accounts.admin.password.clone()]);
    words
}

/// Whether a word stands in a text by itself, so that `1234` is not found in `0.51234`.
fn holds(text: &str, word: &str) -> bool {
    let is_part = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '.');
    text.match_indices(word).any(|(at, _)| {
        !is_part(text[..at].chars().next_back()) && !is_part(text[at + word.len()..].chars().next())
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_days_log_names_nobody() {
    let demo = Demo::start("json").await;
    let secrets = live_a_day(&demo).await;
    let (accounts, config) = (demo.accounts.clone(), demo.config.clone());
    let (console, files) = demo.stop().await;
    assert!(!config.exists(), "the folder went with its hub");
    for (place, text) in [("the console", &console), ("the files", &files)] {
        assert!(text.lines().count() > 50, "{place}: {text}");
        for word in everything_personal(&accounts, secrets.clone()) {
            // The admin's login name of the demo is the word for the role, which is no secret.
            if word == "admin" {
                continue;
            }
            let lines: Vec<_> = text.lines().filter(|line| holds(line, &word)).collect();
            assert!(lines.is_empty(), "{word} stands in {place}: {lines:#?}");
        }
    }
    check_lines(&files);
}

/// Each request has one line with its id, its route and how it ended, and no path with ids in it.
fn check_lines(files: &str) {
    let mut served = 0;
    let mut ids = BTreeSet::new();
    for line in files.lines() {
        let line: serde_json::Value = serde_json::from_str(line).expect("one JSON object a line");
        if line["fields"]["message"] == "served" {
            served += 1;
            let route = line["fields"]["route"].as_str().expect("a route");
            assert!(route.starts_with("/api/v1/"), "{line}");
            assert!(line["fields"]["status"].is_u64() && line["fields"]["millis"].is_number(), "{line}");
            let id = line["spans"][0]["id"].as_str().expect("the request's id").to_owned();
            assert!(ids.insert(id), "two lines for one request: {line}");
        }
    }
    assert!(served > 40, "{served}");
}

#[tokio::test(flavor = "multi_thread")]
async fn plain_lines_carry_the_requests_id() {
    let demo = Demo::start("plain").await;
    let reply = request(&demo.client, Method::GET, "/api/v1/hub", None, "").await;
    let id = reply.header("x-request-id").to_owned();
    let mode = log_mode(&demo.folder.path().join("data/logs"));
    let (console, files) = demo.stop().await;
    for text in [console, files] {
        let lines: Vec<_> = text.lines().filter(|line| line.contains(&id)).collect();
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert!(lines[0].contains("INFO") && lines[0].contains("/api/v1/hub"), "{lines:?}");
    }
    assert_eq!(mode, 0o700);
}

fn log_mode(folder: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(folder).expect("the folder").permissions().mode() & 0o777
}
