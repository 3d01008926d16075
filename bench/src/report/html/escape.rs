//! Text of others (workloads, the machine, the command line) as text, whatever is in it.

use std::fmt::{self, Display, Write};

/// Anything shown, so that it is nothing but text: in an element, in an attribute, in an SVG.
pub(super) struct Text<T>(pub(super) T);

impl<T: Display> Display for Text<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(Escaping(f), "{}", self.0)
    }
}

struct Escaping<'a, 'f>(&'a mut fmt::Formatter<'f>);

impl Write for Escaping<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for c in text.chars() {
            match c {
                '&' => self.0.write_str("&amp;")?,
                '<' => self.0.write_str("&lt;")?,
                '>' => self.0.write_str("&gt;")?,
                '"' => self.0.write_str("&quot;")?,
                '\'' => self.0.write_str("&#39;")?,
                // HTML knows no others.
                c if c.is_control() && !matches!(c, '\n' | '\t') => self.0.write_char('\u{fffd}')?,
                // Those that turn the direction of the text after them.
                '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => self.0.write_char('\u{fffd}')?,
                c => self.0.write_char(c)?,
            }
        }
        Ok(())
    }
}

/// JSON that no HTML parser takes for the end of its script element: the same JSON.
pub(super) fn json(text: &str) -> String {
    // A `<` is in strings only, where this is another way to write it.
    text.replace('<', "\\u003c")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_is_text() {
        let hostile = "<b a='1' c=\"2\">&amp;\0\u{202e}";
        assert_eq!(
            Text(hostile).to_string(),
            "&lt;b a=&#39;1&#39; c=&quot;2&quot;&gt;&amp;amp;\u{fffd}\u{fffd}"
        );
        assert_eq!(Text(1.5).to_string(), "1.5");
    }

    #[test]
    fn json_stays_what_it_is() {
        let value = serde_json::json!({ "</script>": "<!--<script>" });
        let text = json(&value.to_string());
        assert!(!text.contains('<'), "{text}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap(), value);
    }
}
