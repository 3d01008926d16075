//! Columns as wide as what is in them, in as many blocks as the width needs.

use crate::style::Style;

/// No line is longer, where a single column allows it.
pub(super) const WIDTH: usize = 120;

/// What is in a place: plain text, and whether it stands out.
pub(super) struct Field {
    pub(super) text: String,
    pub(super) bold: bool,
}

/// Rows below a heading: the names first, to the left, then the columns, to the right. What doesn't fit is below, with
/// the names again. `columns` have a heading and a field for each name.
pub(super) fn grid(names: &[&str], columns: &[(&str, Vec<Field>)], style: Style) -> String {
    let first = names.iter().copied().map(length).max().unwrap_or_default();
    let mut text = String::new();
    let mut rest = columns;
    while !rest.is_empty() {
        let mut widths = Vec::new();
        let mut line = 2 + first;
        for (heading, fields) in rest {
            let width =
                fields.iter().map(|field| length(&field.text)).chain([length(heading)]).max().unwrap_or(0);
            line += 2 + width;
            if line > WIDTH && !widths.is_empty() {
                break;
            }
            widths.push(width);
        }
        let (block, others) = rest.split_at(widths.len());
        let headings = block.iter().map(|(heading, _)| (*heading, false));
        text.push_str(&row("", first, headings, &widths, style));
        for (number, name) in names.iter().enumerate() {
            let fields = block.iter().map(|(_, fields)| (&*fields[number].text, fields[number].bold));
            text.push_str(&row(name, first, fields, &widths, style));
        }
        rest = others;
    }
    text
}

fn row<'a>(
    name: &str,
    first: usize,
    fields: impl Iterator<Item = (&'a str, bool)>,
    widths: &[usize],
    style: Style,
) -> String {
    let mut line = format!("  {name:first$}");
    for ((field, bold), &width) in fields.zip(widths) {
        // Colours have no width.
        line.push_str(&" ".repeat(2 + width - length(field)));
        line.push_str(&if bold { style.bold(field) } else { field.to_owned() });
    }
    format!("{}\n", line.trim_end())
}

fn length(text: &str) -> usize {
    text.chars().count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(heading: &'static str, fields: [&str; 2]) -> (&'static str, Vec<Field>) {
        (heading, fields.map(|text| Field { text: text.to_owned(), bold: text == "best" }).into())
    }

    #[test]
    fn columns_are_aligned_to_the_right() {
        let columns = [column("µs", ["1.00", "best"]), column("long heading", ["", "x"])];
        let text = "           µs  long heading\n  tokio  1.00\n  smol   best             x\n";
        assert_eq!(grid(&["tokio", "smol"], &columns, Style::PLAIN), text);
        let bold = grid(&["tokio", "smol"], &columns, Style::COLOURED);
        assert!(bold.contains("smol   \x1b[1mbest\x1b[0m             x\n"), "{bold:?}");
    }

    #[test]
    fn what_does_not_fit_is_below() {
        let wide = "x".repeat(60);
        let columns = [column("a", [&wide, ""]), column("b", [&wide, ""]), column("c", ["1", "2"])];
        let text = grid(&["tokio", "smol"], &columns, Style::PLAIN);
        assert_eq!(text.lines().count(), 6, "{text}");
        assert!(text.lines().all(|line| line.chars().count() <= WIDTH), "{text}");
        let second: Vec<_> = text.lines().nth(4).unwrap().split_whitespace().collect();
        assert_eq!(second, ["tokio", &*wide, "1"]);
    }
}
