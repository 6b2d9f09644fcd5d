//! Lines of text, QR codes and cutting lines on A4 pages. Measures are PDF points, 72 to the inch, from the upper left.

use std::sync::LazyLock;

use dreamseed_wire::Language;
use fast_qr::{ECL, QRBuilder};
use krilla::{
    Data, Document,
    color::rgb,
    geom::{PathBuilder, Point, Rect},
    metadata::Metadata,
    page::PageSettings,
    paint::{Fill, Stroke, StrokeDash},
    surface::Surface,
    text::{Font, GlyphId, KrillaGlyph},
};
use ttf_parser::Face;

use super::PrintError;

/// A4.
pub const WIDTH: f32 = 595.28;
pub const HEIGHT: f32 = 841.89;

/// Pretendard by Kil Hyung-jin, under the SIL Open Font License (assets/Pretendard-OFL.txt).
static REGULAR: &[u8] = include_bytes!("../../assets/Pretendard-Regular.otf");
static BOLD: &[u8] = include_bytes!("../../assets/Pretendard-Bold.otf");
static FACES: LazyLock<Option<[Face<'static>; 2]>> =
    LazyLock::new(|| Some([Face::parse(REGULAR, 0).ok()?, Face::parse(BOLD, 0).ok()?]));

/// Red, green, blue.
pub type Rgb = (u8, u8, u8);

/// How bold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weight {
    Regular,
    Bold,
}

/// The colours of print: what matters, what explains, what is cut.
pub const INK: Rgb = (24, 28, 36);
pub const GREY: Rgb = (96, 104, 118);
const CUT: Rgb = (160, 166, 176);

/// A document that is being written.
pub struct Sheets {
    document: Document,
    fonts: [Font; 2],
    faces: &'static [Face<'static>; 2],
}

impl Sheets {
    /// An empty document.
    ///
    /// # Errors
    /// A font that cannot be read, which would be a fault of the build.
    pub fn new(title: &str, language: Language) -> Result<Self, PrintError> {
        let faces = FACES.as_ref().ok_or(PrintError::Font)?;
        let font = |bytes: &'static [u8]| Font::new(Data::from(bytes), 0).ok_or(PrintError::Font);
        let mut document = Document::new();
        document.set_metadata(
            Metadata::new()
                .title(title.to_owned())
                .language(language.code().to_owned())
                .creator("DreamSeed".to_owned()),
        );
        Ok(Sheets { document, fonts: [font(REGULAR)?, font(BOLD)?], faces })
    }

    /// Adds a page, drawn by `draw`.
    pub fn add_page(
        &mut self,
        draw: impl FnOnce(&mut Sheet<'_, '_>) -> Result<(), PrintError>,
    ) -> Result<(), PrintError> {
        let settings =
            PageSettings::from_wh(WIDTH, HEIGHT).ok_or_else(|| PrintError::Pdf("page size".into()))?;
        let mut page = self.document.start_page_with(settings);
        let mut surface = page.surface();
        let drawn = draw(&mut Sheet { surface: &mut surface, fonts: &self.fonts, faces: self.faces });
        surface.finish();
        page.finish();
        drawn
    }

    /// The PDF.
    pub fn finish(self) -> Result<Vec<u8>, PrintError> {
        self.document.finish().map_err(|err| PrintError::Pdf(format!("{err:?}")))
    }
}

/// A page that is being drawn.
pub struct Sheet<'a, 'p> {
    surface: &'a mut Surface<'p>,
    fonts: &'a [Font; 2],
    faces: &'a [Face<'static>; 2],
}

impl Sheet<'_, '_> {
    /// Writes a line with its baseline at `y`.
    pub fn write(&mut self, (x, y): (f32, f32), (weight, size): (Weight, f32), colour: Rgb, text: &str) {
        let glyphs = shape(&self.faces[weight as usize], text);
        self.surface.set_stroke(None);
        self.surface.set_fill(Some(fill(colour)));
        let font = self.fonts[weight as usize].clone();
        self.surface.draw_glyphs(Point::from_xy(x, y), &glyphs, font, text, size, false);
    }

    /// Writes a line that is made smaller if it would be wider than `width`.
    pub fn write_within(
        &mut self,
        at: (f32, f32),
        (weight, size): (Weight, f32),
        colour: Rgb,
        text: &str,
        width: f32,
    ) {
        let needed = self.measure((weight, size), text);
        let size = if needed > width { size * width / needed } else { size };
        self.write(at, (weight, size), colour, text);
    }

    /// How wide a line is.
    pub fn measure(&self, (weight, size): (Weight, f32), text: &str) -> f32 {
        shape(&self.faces[weight as usize], text).iter().map(|glyph| glyph.x_advance * size).sum()
    }

    /// Writes a text in lines of at most `width`, broken between words; returns where the next line would stand.
    pub fn write_lines(
        &mut self,
        (x, mut y): (f32, f32),
        style: (Weight, f32),
        colour: Rgb,
        text: &str,
        width: f32,
    ) -> f32 {
        let mut line = String::new();
        for word in text.split(' ') {
            let longer = if line.is_empty() { word.to_owned() } else { format!("{line} {word}") };
            if !line.is_empty() && self.measure(style, &longer) > width {
                self.write_within((x, y), style, colour, &line, width);
                y += style.1 * 1.6;
                word.clone_into(&mut line);
            } else {
                line = longer;
            }
        }
        self.write_within((x, y), style, colour, &line, width);
        y + style.1 * 1.6
    }

    /// A QR code with its quiet zone, `side` wide.
    pub fn draw_qr(&mut self, (x, y): (f32, f32), side: f32, content: &str) -> Result<(), PrintError> {
        let code = QRBuilder::new(content).ecl(ECL::M).build().map_err(|_| PrintError::Qr)?;
        // Four modules of white around it, as ISO/IEC 18004 asks.
        let module = side / (code.size as f32 + 8.0);
        let mut path = PathBuilder::new();
        for row in 0..code.size {
            for column in (0..code.size).filter(|column| code[row][*column].value()) {
                let (left, top) = (x + (column as f32 + 4.0) * module, y + (row as f32 + 4.0) * module);
                // A hair wider than a module: no white lines between neighbours on any screen.
                if let Some(square) = Rect::from_xywh(left, top, module * 1.02, module * 1.02) {
                    path.push_rect(square);
                }
            }
        }
        if let Some(path) = path.finish() {
            self.surface.set_stroke(None);
            self.surface.set_fill(Some(fill((0, 0, 0))));
            self.surface.draw_path(&path);
        }
        Ok(())
    }

    /// A dashed line along which the paper is cut.
    pub fn draw_cut(&mut self, from: (f32, f32), to: (f32, f32)) {
        self.draw_line(from, to, Some(StrokeDash { array: vec![4.0, 4.0], offset: 0.0 }));
    }

    /// A thin line.
    pub fn draw_rule(&mut self, from: (f32, f32), to: (f32, f32)) {
        self.draw_line(from, to, None);
    }

    fn draw_line(&mut self, from: (f32, f32), to: (f32, f32), dash: Option<StrokeDash>) {
        let mut path = PathBuilder::new();
        path.move_to(from.0, from.1);
        path.line_to(to.0, to.1);
        if let Some(path) = path.finish() {
            self.surface.set_fill(None);
            let paint = rgb::Color::new(CUT.0, CUT.1, CUT.2).into();
            self.surface.set_stroke(Some(Stroke { paint, width: 0.6, dash, ..Stroke::default() }));
            self.surface.draw_path(&path);
        }
    }
}

/// One glyph for each character: the texts are composed Korean and Latin, which need no shaping.
fn shape(face: &Face<'_>, text: &str) -> Vec<KrillaGlyph> {
    let em = f32::from(face.units_per_em());
    text.char_indices()
        .map(|(at, c)| {
            let glyph = face.glyph_index(c).unwrap_or_default();
            let advance = f32::from(face.glyph_hor_advance(glyph).unwrap_or_default()) / em;
            let id = GlyphId::new(u32::from(glyph.0));
            KrillaGlyph::new(id, advance, 0.0, 0.0, 0.0, at..at + c.len_utf8(), None)
        })
        .collect()
}

fn fill((red, green, blue): Rgb) -> Fill {
    Fill { paint: rgb::Color::new(red, green, blue).into(), ..Fill::default() }
}
