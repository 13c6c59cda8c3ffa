//! Tables without borders.

use super::text;
use comfy_table::{Table, presets};

/// Rows under their headings, columns two blanks apart; a note instead where there are none.
pub fn render<const N: usize>(headings: [&str; N], rows: impl IntoIterator<Item = [String; N]>) -> String {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_header(headings);
    let mut empty = true;
    for row in rows {
        empty = false;
        table.add_row(row.map(|cell| text::plain(&cell)));
    }
    if empty { "(none)".to_owned() } else { trimmed(&mut table) }
}

/// Names and values, one pair a line; pairs without a value are left out.
pub fn pairs<'a>(pairs: impl IntoIterator<Item = (&'a str, String)>) -> String {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING);
    for (name, value) in pairs.into_iter().filter(|(_, value)| !value.is_empty()) {
        table.add_row([name.to_owned(), text::plain(&value)]);
    }
    trimmed(&mut table)
}

fn trimmed(table: &mut Table) -> String {
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    let lines: Vec<String> = table.lines().map(|line| line.trim_end().to_owned()).collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_under_their_headings() {
        let rows = [["a".into(), "1".into()], ["long name".into(), "2\u{7}".into()]];
        assert_eq!(render(["NAME", "N"], rows), "NAME       N\na          1\nlong name  2?");
    }

    #[test]
    fn nothing_is_said_to_be_nothing() {
        assert_eq!(render(["NAME"], []), "(none)");
    }

    #[test]
    fn pairs_without_a_value_are_left_out() {
        let text = pairs([("id", "7".into()), ("error", String::new()), ("state", "running".into())]);
        assert_eq!(text, "id     7\nstate  running");
    }
}
