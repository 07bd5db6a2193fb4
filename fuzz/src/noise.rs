//! XML as a server may write it: the same values in ever other spellings.

use arbitrary::Unstructured;

/// Draws how a document is written. Of no bytes, it is written plainly.
pub struct Noise<'a>(pub Unstructured<'a>);

impl Noise<'_> {
    /// A whole document of this outermost element and these children.
    pub fn document(&mut self, root: &str, children: &[String]) -> String {
        let declaration = ["", "<?xml version=\"1.0\" encoding=\"UTF-8\"?>", "\u{feff}", "\n \n "];
        let start = self.pick(&declaration);
        let (before, element, after) = (self.space(), self.parent(root, children), self.space());
        format!("{start}{before}{element}{after}")
    }

    /// An element with children, and between them what carries nothing.
    pub fn parent(&mut self, name: &str, children: &[String]) -> String {
        let mut content = self.gap();
        for child in children {
            content.push_str(child);
            content.push_str(&self.gap());
        }
        self.wrap(name, &content)
    }

    /// An element with text in it.
    pub fn leaf(&mut self, name: &str, text: &str) -> String {
        let content: String = text.chars().map(|character| self.character(character)).collect();
        if content.is_empty() && self.draw(2) == 1 {
            return format!("<{name}/>");
        }
        self.wrap(name, &content)
    }

    /// A number below `below`.
    pub fn draw(&mut self, below: u8) -> u8 {
        self.0.arbitrary::<u8>().unwrap_or_default() % below
    }

    fn wrap(&mut self, name: &str, content: &str) -> String {
        let prefix = self.pick(&["", "s3:"]);
        let attributes = self.pick(&["", " xmlns=\"u\"", " a = '>' b=\"&lt;\"", "\n"]);
        let end = self.pick(&["", " "]);
        format!("<{prefix}{name}{attributes}>{content}</{prefix}{name}{end}>")
    }

    fn character(&mut self, character: char) -> String {
        let code = u32::from(character);
        let written = match self.draw(6) {
            1 => return format!("&#{code};"),
            2 => return format!("&#x{code:X};"),
            // Here as well, a carriage return would be read as a line feed.
            3 if character != '\r' => return format!("<![CDATA[{character}]]>"),
            4 => format!("<!-- {} -->", code % 7),
            _ => String::new(),
        };
        match character {
            '<' => written + "&lt;",
            '>' => written + "&gt;",
            '&' => written + "&amp;",
            '"' if self.draw(2) == 1 => written + "&quot;",
            '\'' if self.draw(2) == 1 => written + "&apos;",
            // Section 2.11 of XML 1.0: it would be read as a line feed.
            '\r' => written + "&#13;",
            character => format!("{written}{character}"),
        }
    }

    fn gap(&mut self) -> String {
        let unknown = "<New a='1'><Code>no</Code><Key/>text</New>";
        let gaps = ["", "\n  ", "<!-- <Code>no</Code> -->", unknown, "<?p i?>", "text"];
        self.pick(&gaps).to_owned()
    }

    fn space(&mut self) -> String {
        self.pick(&["", " ", "\r\n\t", "<!-- c -->"]).to_owned()
    }

    fn pick<'b>(&mut self, all: &[&'b str]) -> &'b str {
        all[usize::from(self.draw(all.len() as u8))]
    }
}
