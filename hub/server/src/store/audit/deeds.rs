//! Every deed that the hub writes into the audit log. English is how it is kept; Korean is for the page and the file.

use dreamseed_wire::Language;

/// Verb and noun as they are kept, and what they are called in Korean.
pub const DEEDS: &[(&str, &str)] = &[
    ("add api key", "API 키 만들기"),
    ("add backup target", "백업 저장 위치 추가"),
    ("add class", "반 만들기"),
    ("add group", "모둠 만들기"),
    ("add problem", "문제 만들기"),
    ("add pupil", "학생 추가"),
    ("add teacher", "반에 교사 추가"),
    ("add user", "계정 만들기"),
    ("archive class", "반 보관"),
    ("archive problem", "문제 보관"),
    ("archive user", "계정 닫기"),
    ("begin epoch", "기록의 새 구간 시작(이전 상태로 돌아감)"),
    ("begin exam", "시험 시작"),
    ("change group", "모둠 바꾸기"),
    ("change password", "비밀번호 바꾸기"),
    ("change problem", "문제 고치기"),
    ("change year", "새 학년 진급"),
    ("check backup", "백업 되살려 확인하기"),
    ("close lesson", "수업 끝내기"),
    ("correct key", "정답 고치기"),
    ("delay sign-in", "로그인 늦추기(여러 번 틀림)"),
    ("end session: token reused", "로그인 끝내기(로그인 정보가 두 번 쓰임)"),
    ("end sessions", "로그인 모두 끝내기"),
    ("enrol device", "기기 등록"),
    ("erase pupil", "학생 자료 완전 삭제"),
    ("erase pupil again", "학생 자료 다시 삭제(복원 뒤)"),
    ("export audit log", "감사 기록 내보내기"),
    ("export class", "반 자료 내보내기"),
    ("export problems", "문제 내보내기"),
    ("export pupil", "학생 자료 내보내기"),
    ("extend lesson", "수업 시간 바꾸기"),
    ("give consent", "보호자 동의"),
    ("hand in exam", "시험 제출"),
    ("import list", "명단 가져오기"),
    ("import problems", "문제 가져오기"),
    ("import pupil", "학생 가져오기(명단)"),
    ("join as parent", "보호자 가입"),
    ("keep recovery sheet", "복구 안내문 보관"),
    ("link child", "자녀 연결"),
    ("make card", "로그인 카드 만들기"),
    ("make demo school", "연습용 학교 만들기"),
    ("make parent code", "보호자 코드 만들기"),
    ("mend record", "손상된 기록을 백업에서 고치기"),
    ("mint sessions", "시험용 로그인 만들기"),
    ("move pupil", "학생 옮기기"),
    ("move pupil out", "학생 내보내기(반에서)"),
    ("open lesson", "수업 열기"),
    ("open solution", "풀이 열어 주기"),
    ("open step", "힌트 열어 주기"),
    ("override grade", "채점 직접 고치기"),
    ("pause lesson", "수업 멈추기"),
    ("print recovery sheet", "복구 안내문 인쇄"),
    ("record consent", "동의 기록"),
    ("regrade", "다시 채점(정답 고침)"),
    ("remove backup target", "백업 저장 위치 지우기"),
    ("remove group", "모둠 지우기"),
    ("remove teacher", "반에서 교사 빼기"),
    ("rename pupil", "학생 이름 고치기"),
    ("reopen lesson", "끝낸 수업 다시 열기"),
    ("reset password", "비밀번호 다시 만들기"),
    ("reset secret", "비밀번호·PIN 다시 만들기"),
    ("resume lesson", "수업 다시 시작"),
    ("revoke api key", "API 키 끝내기"),
    ("revoke device", "기기 등록 취소"),
    ("revoke session", "로그인 하나 끝내기"),
    ("rotate metrics token", "지표 토큰 바꾸기"),
    ("rotate secrets", "모든 PIN과 비밀번호 새로 하기"),
    ("rotate sign-in keys", "로그인 열쇠 바꾸기"),
    ("run backup", "백업 실행"),
    ("run retention", "보관 기간 지난 자료 삭제"),
    ("send note", "쪽지 보내기"),
    ("set class", "반 설정 바꾸기"),
    ("set retention", "보관 기간 바꾸기"),
    ("set up hub", "허브 처음 설정"),
    ("sign in", "로그인"),
    ("sign out", "로그아웃"),
    ("take device back", "돌아온 기기 다시 받기(되살린 뒤)"),
    ("take grade back", "직접 고친 채점 되돌리기"),
    ("take pupil back", "돌아온 학생 다시 받기"),
    ("undo correction of key", "정답 고침 되돌리기"),
    ("undo list", "명단 변경 되돌리기"),
    ("withdraw consent", "동의 철회"),
];

/// A deed in Korean; nothing for one that this hub does not write, such as that of a newer one.
pub fn in_korean(action: &str) -> Option<&'static str> {
    DEEDS.iter().find(|(kept, _)| *kept == action).map(|(_, said)| *said)
}

/// Single words that stand in the details of rows, and what they are called in Korean.
const WORDS: &[(&str, &str)] = &[
    ("account", "계정"),
    ("ai_text", "AI가 쓴 글"),
    ("ai_tutor", "AI 도움"),
    ("answers", "답"),
    ("audit", "감사 기록"),
    ("cloud_progress", "클라우드 진도"),
    ("notes", "쪽지"),
    ("notices", "알림"),
    ("online", "온라인"),
    ("paper", "종이"),
    ("parent_codes", "보호자 코드"),
    ("problems", "문제"),
    ("roster", "명단"),
    ("roster_changes", "명단 변경"),
    ("sessions", "로그인"),
    ("skills", "배울 내용"),
    ("sms", "문자"),
];

/// A word of a detail in the reader's language; one that is not on the list stays as it is.
pub fn word_in(word: &str, language: Language) -> &str {
    match language {
        Language::En => word,
        Language::Ko => WORDS.iter().find(|(kept, _)| *kept == word).map_or(word, |(_, korean)| korean),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    /// How a deed is written; it is the first text behind it, or what the mark itself begins.
    const WRITTEN: [&str; 9] = [
        "AuditEntry::by(",
        ".audit(",
        ".audit_with_reason(",
        "at_console(\"",
        "action: \"",
        "note(\"",
        "(class, lesson), \"",
        "(by, \"",
        "(pupil, \"",
    ];

    /// The other way round, each write looks too, in every test that writes: see `append`.
    #[test]
    fn every_deed_of_the_sources_is_on_the_list_and_no_other() {
        let mut sources = String::new();
        read_sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut sources);
        for mark in WRITTEN {
            for (at, _) in sources.match_indices(mark) {
                let rest = &sources[at + mark.len()..];
                let deed = match mark.ends_with('"') {
                    true => rest.split('"').next(),
                    // A call that hands on what it was given has no text of its own.
                    false => arguments(rest).split('"').nth(1),
                };
                let Some(deed) = deed else { continue };
                assert!(in_korean(deed).is_some(), "`{deed}` has no Korean words");
            }
        }
        for (deed, _) in DEEDS {
            assert!(sources.contains(&format!("\"{deed}\"")), "`{deed}` is never written");
        }
        assert!(DEEDS.is_sorted());
    }

    /// What stands before the end of a call whose parenthesis is open.
    fn arguments(rest: &str) -> &str {
        let mut depth = 1;
        let end = rest.char_indices().find(|(_, c)| {
            depth += i32::from(*c == '(') - i32::from(*c == ')');
            depth == 0
        });
        end.map_or(rest, |(at, _)| &rest[..at])
    }

    fn read_sources(folder: &Path, sources: &mut String) {
        for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
            let path = entry.path();
            if path.is_dir() {
                read_sources(&path, sources);
            } else if path.extension().is_some_and(|kind| kind == "rs") && !path.ends_with("audit/deeds.rs") {
                let text = std::fs::read_to_string(&path).expect("a source");
                sources.push_str(text.split("\n#[cfg(test)]\nmod tests").next().unwrap_or_default());
            }
        }
    }
}
