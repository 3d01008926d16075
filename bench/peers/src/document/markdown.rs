//! Tables that read well both raw and rendered.

use std::fmt::Write;

/// How a column is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Set {
    /// Words.
    Left,
    /// Figures.
    Right,
}

/// A table: its columns, and rows with a cell for each.
pub(super) fn table(columns: &[(&str, Set)], rows: &[Vec<String>]) -> String {
    let rows: Vec<Vec<String>> =
        rows.iter().map(|row| row.iter().map(|cell| escaped(cell)).collect()).collect();
    let width = |index: usize| {
        let cells = rows.iter().filter_map(|row| row.get(index)).map(|cell| cell.chars().count());
        cells.chain([columns[index].0.chars().count(), 3]).max().unwrap_or_default()
    };
    let widths: Vec<usize> = (0..columns.len()).map(width).collect();
    let mut text = String::new();
    let mut line = |cell: &dyn Fn(usize) -> String| {
        for (index, (_, set)) in columns.iter().enumerate() {
            let (cell, width) = (cell(index), widths[index]);
            let _ = match set {
                Set::Left => write!(text, "| {cell:width$} "),
                Set::Right => write!(text, "| {cell:>width$} "),
            };
        }
        text.push_str("|\n");
    };
    line(&|index| escaped(columns[index].0));
    line(&|index| match columns[index].1 {
        Set::Left => "-".repeat(widths[index]),
        Set::Right => format!("{}:", "-".repeat(widths[index] - 1)),
    });
    for row in &rows {
        line(&|index| row.get(index).cloned().unwrap_or_default());
    }
    text
}

/// What stands in a cell must not end it.
fn escaped(cell: &str) -> String {
    cell.replace('|', "\\|").replace('\n', " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_what_is_in_them() {
        let rows = [vec!["a".to_owned(), "1.00 µs".to_owned()], vec!["b | c".to_owned()]];
        let table = table(&[("work", Set::Left), ("time", Set::Right)], &rows);
        let expected = "\
| work   |    time |
| ------ | ------: |
| a      | 1.00 µs |
| b \\| c |         |
";
        assert_eq!(table, expected);
    }
}
