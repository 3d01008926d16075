//! Tables that scroll within their own box where they are too wide.

use super::escape::Text;

/// A table that is being made.
#[derive(Debug)]
pub(super) struct Table {
    caption: String,
    head: String,
    body: String,
}

impl Table {
    pub(super) fn new(caption: &str, columns: &[&str]) -> Self {
        let columns = columns.iter().map(|column| format!("<th scope=\"col\">{}</th>", Text(column)));
        Self { caption: caption.to_owned(), head: columns.collect(), body: String::new() }
    }

    /// A row: its heading, then its cells, both of them HTML.
    pub(super) fn row(&mut self, heading: &str, cells: &[String]) {
        let cells: String = cells.iter().map(|cell| format!("<td>{cell}</td>")).collect();
        self.body.push_str(&format!("<tr><th scope=\"row\">{heading}</th>{cells}</tr>\n"));
    }

    /// Nothing without rows.
    pub(super) fn finish(&self) -> String {
        let Self { caption, head, body } = self;
        if body.is_empty() {
            return String::new();
        }
        let caption = Text(caption);
        format!(
            "<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"{caption}\"><table>\
             <caption>{caption}</caption><thead><tr>{head}</tr></thead>\n<tbody>{body}</tbody></table></div>\n"
        )
    }
}

/// A figure, and below it what is said of it.
pub(super) fn two(figure: &str, below: &str) -> String {
    if below.is_empty() {
        return Text(figure).to_string();
    }
    format!("{}<small>{}</small>", Text(figure), Text(below))
}
