//! Says whether an author's drawing may be shown: an allow-list of elements and attributes, everything else is refused.
//!
//! The drawing is put into the page as markup, so nothing in it may run, load or restyle: no script, no foreign
//! elements, no event attributes, no style sheets, no links, no references out of the drawing, no DOCTYPE and no
//! entities of its own.

use quick_xml::{
    Reader, XmlVersion,
    events::{BytesStart, Event},
};

/// The deepest nesting of elements.
const MAX_DEPTH: usize = 32;
const NAMESPACE: &str = "http://www.w3.org/2000/svg";

/// What keeps a drawing from being shown.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SvgFault {
    #[error("it is not well-formed XML near byte {0}")]
    Malformed(u64),
    #[error("it must be one <svg> element")]
    Root,
    #[error("elements are nested too deep")]
    TooDeep,
    #[error("the element <{0}> is not allowed")]
    Element(String),
    #[error("the attribute {0} is not allowed")]
    Attribute(String),
    #[error("the value of the attribute {0} is not allowed")]
    Value(String),
    #[error("a DOCTYPE, comment, CDATA section or processing instruction is not allowed")]
    Markup,
    #[error("the entity &{0}; is not allowed")]
    Entity(String),
}

/// Checks a whole drawing.
///
/// # Errors
/// The first thing that is not allowed.
pub fn check_svg(svg: &str) -> Result<(), SvgFault> {
    let mut reader = Reader::from_str(svg);
    let (mut depth, mut roots) = (0_usize, 0_usize);
    loop {
        let event = reader.read_event().map_err(|_| SvgFault::Malformed(reader.error_position()))?;
        match event {
            Event::Start(element) => {
                roots += usize::from(depth == 0);
                check_element(&element, depth)?;
                depth += 1;
                if depth > MAX_DEPTH {
                    return Err(SvgFault::TooDeep);
                }
            }
            Event::Empty(element) => {
                roots += usize::from(depth == 0);
                check_element(&element, depth)?;
            }
            Event::End(_) => depth = depth.saturating_sub(1),
            Event::Text(text) => {
                if depth == 0 && !text.trim().is_empty() {
                    return Err(SvgFault::Root);
                }
            }
            Event::GeneralRef(entity) => {
                let named = matches!(&*entity, "lt" | "gt" | "amp" | "quot" | "apos");
                if depth == 0 || !(named || matches!(entity.resolve_char_ref(), Ok(Some(_)))) {
                    return Err(SvgFault::Entity((*entity).to_owned()));
                }
            }
            Event::CData(_) | Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) => {
                return Err(SvgFault::Markup);
            }
            Event::Eof if depth > 0 => return Err(SvgFault::Malformed(reader.buffer_position())),
            Event::Eof if roots != 1 => return Err(SvgFault::Root),
            Event::Eof => return Ok(()),
        }
    }
}

fn check_element(element: &BytesStart<'_>, depth: usize) -> Result<(), SvgFault> {
    let name = element.name();
    let name: &str = name.as_ref();
    if depth == 0 && name != "svg" {
        return Err(SvgFault::Root);
    }
    if !ELEMENTS.contains(&name) || (depth > 0 && name == "svg") {
        return Err(SvgFault::Element(name.to_owned()));
    }
    for attribute in element.attributes() {
        let attribute = attribute.map_err(|_| SvgFault::Attribute(format!("of <{name}>")))?;
        let key: &str = attribute.key.as_ref();
        let value = attribute
            .normalized_value(XmlVersion::Implicit1_0)
            .map_err(|_| SvgFault::Value(key.to_owned()))?;
        check_attribute(key, &value)?;
    }
    Ok(())
}

fn check_attribute(key: &str, value: &str) -> Result<(), SvgFault> {
    if !ATTRIBUTES.contains(&key) && !key.starts_with("aria-") {
        return Err(SvgFault::Attribute(key.to_owned()));
    }
    let folded: String = value.chars().filter(|c| !c.is_whitespace()).flat_map(char::to_lowercase).collect();
    let fits = match key {
        "xmlns" => value == NAMESPACE,
        "href" => is_local(&folded),
        _ => {
            // A paint or a marker may point into the drawing: `url(#id)` and nothing else with a scheme or a function
            // that loads.
            let outward = folded.split("url(").skip(1).any(|rest| !rest.starts_with('#'));
            !outward
                && !["javascript:", "data:", "http:", "https:", "//", "<", "\\"]
                    .iter()
                    .any(|bad| folded.contains(bad))
        }
    };
    if fits { Ok(()) } else { Err(SvgFault::Value(key.to_owned())) }
}

fn is_local(href: &str) -> bool {
    href.strip_prefix('#').is_some_and(|id| !id.is_empty() && !id.contains(['#', '/', ':', '<', '\\']))
}

const ELEMENTS: &[&str] = &[
    "svg",
    "g",
    "defs",
    "symbol",
    "use",
    "title",
    "desc",
    "path",
    "line",
    "polyline",
    "polygon",
    "rect",
    "circle",
    "ellipse",
    "text",
    "tspan",
    "marker",
    "pattern",
    "clipPath",
    "linearGradient",
    "radialGradient",
    "stop",
];

const ATTRIBUTES: &[&str] = &[
    "xmlns",
    "id",
    "class",
    "role",
    "lang",
    "href",
    "viewBox",
    "preserveAspectRatio",
    "width",
    "height",
    "x",
    "y",
    "x1",
    "y1",
    "x2",
    "y2",
    "cx",
    "cy",
    "r",
    "rx",
    "ry",
    "dx",
    "dy",
    "d",
    "points",
    "transform",
    "rotate",
    "pathLength",
    "fill",
    "fill-opacity",
    "fill-rule",
    "stroke",
    "stroke-width",
    "stroke-opacity",
    "stroke-dasharray",
    "stroke-dashoffset",
    "stroke-linecap",
    "stroke-linejoin",
    "stroke-miterlimit",
    "vector-effect",
    "opacity",
    "color",
    "display",
    "visibility",
    "paint-order",
    "shape-rendering",
    "text-rendering",
    "font-family",
    "font-size",
    "font-style",
    "font-weight",
    "letter-spacing",
    "text-anchor",
    "dominant-baseline",
    "alignment-baseline",
    "baseline-shift",
    "textLength",
    "lengthAdjust",
    "writing-mode",
    "marker-start",
    "marker-mid",
    "marker-end",
    "markerWidth",
    "markerHeight",
    "markerUnits",
    "refX",
    "refY",
    "orient",
    "clip-path",
    "clip-rule",
    "clipPathUnits",
    "patternUnits",
    "patternContentUnits",
    "patternTransform",
    "gradientUnits",
    "gradientTransform",
    "offset",
    "stop-color",
    "stop-opacity",
    "focusable",
];

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn drawings_pass() {
        for svg in [
            r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 10 10"><rect width="3" height="2" fill="#eee"/></svg>"##,
            r##"<svg viewBox="0 0 9 9" role="img" aria-label="각"><defs><marker id="a"><path d="M0 0L1 1"/></marker></defs><line x1="0" y1="0" x2="9" y2="9" marker-end="url(#a)"/><use href="#a"/></svg>"##,
            "<svg><text x='1' y='2'>6 cm &lt; x &#176;</text></svg>\n",
        ] {
            assert_eq!(check_svg(svg), Ok(()), "{svg}");
        }
    }

    #[test]
    fn nothing_that_runs_or_loads_passes() {
        for svg in [
            "<svg><script>alert(1)</script></svg>",
            "<svg><foreignObject/></svg>",
            "<svg onload='x()'/>",
            "<svg><a href='#x'><text>x</text></a></svg>",
            "<svg><image href='#x'/></svg>",
            "<svg><style>*{}</style></svg>",
            "<svg style='x'/>",
            "<svg><use href='http://a/b#c'/></svg>",
            "<svg><use xlink:href='#c'/></svg>",
            "<svg><use href='//a#b'/></svg>",
            "<svg><use href='data:x'/></svg>",
            "<svg><rect fill='url(http://a)'/></svg>",
            "<svg><rect fill='u&#114;l(//a)'/></svg>",
            "<svg><rect fill='url( &quot;x&quot;)'/></svg>",
            "<svg><rect fill='URL(x)'/></svg>",
            "<svg><animate attributeName='href'/></svg>",
            "<!DOCTYPE svg><svg/>",
            "<!DOCTYPE svg [<!ENTITY a 'b'>]><svg>&a;</svg>",
            "<svg>&a;</svg>",
            "<svg><!-- x --></svg>",
            "<svg><![CDATA[<script/>]]></svg>",
            "<?xml version='1.0'?><svg/>",
            "<svg xmlns='http://www.w3.org/1999/xhtml'/>",
            "<svg xmlns:x='http://a'/>",
            "<SVG/>",
            "<div/>",
            "<svg/><svg/>",
            "text<svg/>",
            "<svg><g></svg>",
            "<svg",
            "<svg>",
            "",
        ] {
            assert!(check_svg(svg).is_err(), "{svg}");
        }
        assert_eq!(check_svg(&format!("{}{}", "<svg>", "<g>".repeat(40))), Err(SvgFault::TooDeep));
    }

    proptest! {
        #[test]
        fn never_panics(text in "\\PC{0,80}") {
            let _ = check_svg(&text);
        }

        #[test]
        fn never_panics_on_tags(text in "[<>/!?&;#'\"=a-c svg\\[\\]-]{0,80}") {
            let _ = check_svg(&text);
        }
    }
}
