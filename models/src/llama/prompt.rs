//! Turns a request into tokens with the model's own chat template.
//!
//! The template is rendered once per number of shared segments, with marks in the place of the contents. What lies
//! between the marks is scaffolding (`<|im_start|>system` …) and is read with special tokens; the contents are read as
//! plain text, so that a pupil who types `<|im_end|>` types six characters and nothing else. Each content is
//! tokenised by itself and is followed by scaffolding that begins with a special token: the cuts at which prefixes are
//! shared.

use std::collections::HashMap;

use llama_cpp_2::token::LlamaToken;
use llama_cpp_2::vocab::LlamaVocab;
use minijinja::{Environment, Error, ErrorKind, Value, context};

use crate::engine::GenRequest;

/// Why the model's template cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PromptError {
    #[error("the model has no chat template")]
    NoTemplate,
    #[error("the model's chat template does not work")]
    Template(#[from] Error),
    #[error("the model's chat template does not keep the messages")]
    LosesContent,
}

/// A request as tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Prompt {
    pub tokens: Vec<LlamaToken>,
    /// For each shared segment, how many tokens there are up to its end; rising, no duplicates.
    pub cuts: Vec<usize>,
}

/// The model's chat template.
pub(super) struct ChatTemplate {
    environment: Environment<'static>,
    bos: String,
    eos: String,
    pieces: HashMap<usize, Vec<Piece>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Scaffold(String),
    Shared(usize),
    Own,
}

const MOST_FUEL: u64 = 2_000_000;

impl ChatTemplate {
    /// Compiles the template and tries it.
    pub(super) fn new(source: String, bos: String, eos: String) -> Result<Self, PromptError> {
        let mut environment = Environment::new();
        // As the templates' authors test them: Jinja2 with these two switches.
        environment.set_trim_blocks(true);
        environment.set_lstrip_blocks(true);
        // Against a hostile template that never ends.
        environment.set_fuel(Some(MOST_FUEL));
        environment.set_unknown_method_callback(minijinja_contrib::pycompat::unknown_method_callback);
        environment.add_function("raise_exception", |message: String| -> Result<Value, Error> {
            Err(Error::new(ErrorKind::InvalidOperation, message))
        });
        environment.add_template_owned("chat", source)?;
        let mut template = Self { environment, bos, eos, pieces: HashMap::new() };
        template.pieces(1)?;
        Ok(template)
    }

    /// The tokens of a request.
    pub(super) fn tokenize(
        &mut self,
        request: &GenRequest,
        vocab: &LlamaVocab<'_>,
    ) -> Result<Prompt, PromptError> {
        let bos = self.bos.clone();
        let pieces = self.pieces(request.shared.len())?;
        let mut tokens = Vec::new();
        let mut cuts = Vec::new();
        let written = matches!(pieces.first(), Some(Piece::Scaffold(text)) if !bos.is_empty() && text.starts_with(&bos));
        if vocab.should_add_bos() && !written {
            tokens.push(vocab.bos());
        }
        for piece in pieces {
            match piece {
                Piece::Scaffold(text) => tokens.extend(vocab.tokenize(text.as_bytes(), false, true)),
                Piece::Own => tokens.extend(vocab.tokenize(request.own.trim().as_bytes(), false, false)),
                Piece::Shared(index) => {
                    let text = request.shared.get(*index).map_or("", |segment| segment.text.trim());
                    tokens.extend(vocab.tokenize(text.as_bytes(), false, false));
                    if cuts.last().is_none_or(|last| *last < tokens.len()) {
                        cuts.push(tokens.len());
                    }
                }
            }
        }
        // The last token is always computed: its logits begin the reply.
        cuts.retain(|cut| *cut < tokens.len());
        if tokens.is_empty() { Err(PromptError::LosesContent) } else { Ok(Prompt { tokens, cuts }) }
    }

    /// Scaffolding and places of the contents for `shared` segments.
    fn pieces(&mut self, shared: usize) -> Result<&[Piece], PromptError> {
        if !self.pieces.contains_key(&shared) {
            let pieces = self.render(shared)?;
            self.pieces.insert(shared, pieces);
        }
        Ok(self.pieces.get(&shared).map_or(&[], Vec::as_slice))
    }

    /// Best is a system message per segment, so that each ends at a special token. Some templates take one system
    /// message only, some take none.
    fn render(&self, shared: usize) -> Result<Vec<Piece>, PromptError> {
        let marks: Vec<String> = (0..shared).map(mark).collect();
        let own = mark(OWN);
        let all = [marks.as_slice(), std::slice::from_ref(&own)].concat().join("\n\n");
        let each = marks.iter().map(|mark| ("system", mark.clone())).chain([("user", own.clone())]);
        let forms: [Vec<(&str, String)>; 3] =
            [each.collect(), vec![("system", marks.join("\n\n")), ("user", own)], vec![("user", all)]];
        let mut last = PromptError::LosesContent;
        for form in forms {
            match self.render_form(&form).and_then(|text| split_at_marks(&text, shared)) {
                Ok(pieces) => return Ok(pieces),
                Err(err) => last = err,
            }
        }
        Err(last)
    }

    fn render_form(&self, messages: &[(&str, String)]) -> Result<String, PromptError> {
        let messages: Vec<Value> =
            messages.iter().map(|(role, content)| context! { role => role, content => content }).collect();
        let template = self.environment.get_template("chat")?;
        // A reply of a few sentences leaves no room for a model to think aloud first.
        let text = template.render(context! {
            messages => messages,
            add_generation_prompt => true,
            enable_thinking => false,
            bos_token => self.bos,
            eos_token => self.eos,
        })?;
        Ok(text)
    }
}

const OWN: usize = usize::MAX;

/// Private-use characters: no template touches them.
fn mark(index: usize) -> String {
    if index == OWN { "\u{e000}own\u{e001}".to_owned() } else { format!("\u{e000}{index}\u{e001}") }
}

/// Every mark must be there once, in order.
fn split_at_marks(text: &str, shared: usize) -> Result<Vec<Piece>, PromptError> {
    let mut pieces = Vec::new();
    let mut rest = text;
    for index in (0..shared).chain([OWN]) {
        let (before, after) = rest.split_once(&mark(index)).ok_or(PromptError::LosesContent)?;
        pieces.push(Piece::Scaffold(before.to_owned()));
        pieces.push(if index == OWN { Piece::Own } else { Piece::Shared(index) });
        rest = after;
    }
    pieces.push(Piece::Scaffold(rest.to_owned()));
    let doubled =
        pieces.iter().any(|piece| matches!(piece, Piece::Scaffold(text) if text.contains('\u{e000}')));
    pieces.retain(|piece| !matches!(piece, Piece::Scaffold(text) if text.is_empty()));
    if doubled { Err(PromptError::LosesContent) } else { Ok(pieces) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHATML: &str = "{%- for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + \
                          message['content'] + '<|im_end|>\n' }}{% endfor %}{% if add_generation_prompt %}\
                          {{ '<|im_start|>assistant\n' }}{% endif %}";

    fn pieces(source: &str, shared: usize) -> Result<Vec<Piece>, PromptError> {
        let mut template = ChatTemplate::new(source.into(), "<s>".into(), "</s>".into())?;
        template.pieces(shared).map(<[_]>::to_vec)
    }

    fn text(text: &str) -> Piece {
        Piece::Scaffold(text.into())
    }

    #[test]
    fn each_segment_ends_at_a_special_token() {
        let expected = vec![
            text("<|im_start|>system\n"),
            Piece::Shared(0),
            text("<|im_end|>\n<|im_start|>system\n"),
            Piece::Shared(1),
            text("<|im_end|>\n<|im_start|>user\n"),
            Piece::Own,
            text("<|im_end|>\n<|im_start|>assistant\n"),
        ];
        assert_eq!(pieces(CHATML, 2).expect("renders"), expected);
    }

    #[test]
    fn joins_segments_where_one_system_message_is_allowed() {
        let one = "{% if messages|length > 2 %}{{ raise_exception('one system message') }}{% endif %}{{ bos_token }}\
                   {% for m in messages %}[{{ m.role }}]{{ m.content | trim }}{% endfor %}[assistant]";
        let expected = vec![
            text("<s>[system]"),
            Piece::Shared(0),
            text("\n\n"),
            Piece::Shared(1),
            text("[user]"),
            Piece::Own,
            text("[assistant]"),
        ];
        assert_eq!(pieces(one, 2).expect("renders"), expected);
    }

    #[test]
    fn puts_segments_before_the_users_text_where_there_is_no_system_role() {
        let none = "{% for m in messages %}{% if m.role == 'system' %}{{ raise_exception('no system') }}{% endif %}\
                    <t>{{ m.content }}{% endfor %}<a>";
        assert_eq!(
            pieces(none, 1).expect("renders"),
            vec![text("<t>"), Piece::Shared(0), text("\n\n"), Piece::Own, text("<a>")]
        );
    }

    #[test]
    fn understands_what_real_templates_use() {
        let real = "{%- set ns = namespace(found=false) %}{%- for m in messages[::-1] %}\
                    {%- if m.content.startswith('<x>') %}{% continue %}{% endif %}{%- set ns.found = true %}{% break %}\
                    {%- endfor %}{%- for m in messages %}{{ m.content.split('</think>')[-1].lstrip('\n') }}|{% endfor %}\
                    {%- if tools is defined %}T{% endif %}\
                    {%- if enable_thinking is defined and enable_thinking is false %}<think></think>{% endif %}";
        assert_eq!(pieces(real, 0).expect("renders"), vec![Piece::Own, text("|<think></think>")]);
    }

    #[test]
    fn refuses_templates_that_lose_text_or_never_end() {
        assert!(matches!(pieces("hello", 1), Err(PromptError::LosesContent)));
        assert!(matches!(pieces("{% if %}", 1), Err(PromptError::Template(_))));
        let endless = "{% for a in range(9999) %}{% for b in range(9999) %}x{% endfor %}{% endfor %}";
        assert!(matches!(pieces(endless, 1), Err(PromptError::Template(_))));
    }
}
