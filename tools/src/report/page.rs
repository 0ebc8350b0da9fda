//! A page of headings, tables and plots; no script, and no other file.

use std::fmt::Write;

const STYLE: &str = "\
    :root { color-scheme: light dark }\
    body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 62rem; padding: 0 1rem }\
    table { border-collapse: collapse; margin: 1rem 0; font-variant-numeric: tabular-nums }\
    th, td { padding: .25rem .75rem; text-align: right; border-bottom: 1px solid #8884 }\
    th:first-child, td:first-child { text-align: left }\
    .good { color: #188038 } .bad { color: #c5221f }\
    .scroll { overflow-x: auto } svg { max-width: 100%; height: auto; background: #fff }\
    td.heat { color: #000 }";

/// A page that is being written.
pub struct Page {
    body: String,
    title: String,
}

impl Page {
    pub fn new(title: &str) -> Page {
        let title = escaped(title);
        Page {
            body: format!("<h1>{title}</h1>\n"),
            title,
        }
    }

    pub fn heading(&mut self, text: &str) {
        let _ = writeln!(self.body, "<h2>{}</h2>", escaped(text));
    }

    pub fn text(&mut self, text: &str) {
        let _ = writeln!(self.body, "<p>{}</p>", escaped(text));
    }

    pub fn verdict(&mut self, text: &str, is_good: bool) {
        let class = if is_good { "good" } else { "bad" };
        let text = escaped(text);
        let _ = writeln!(
            self.body,
            "<p class=\"{class}\"><strong>{text}</strong></p>"
        );
    }

    pub fn table<const N: usize>(
        &mut self,
        header: [&str; N],
        rows: impl IntoIterator<Item = [String; N]>,
    ) {
        let cells = |tag: &str, cells: &[String]| -> String {
            let cell = |cell: &String| format!("<{tag}>{}</{tag}>", escaped(cell));
            format!("<tr>{}</tr>\n", cells.iter().map(cell).collect::<String>())
        };
        let mut table = cells("th", &header.map(String::from));
        for row in rows {
            table.push_str(&cells("td", &row));
        }
        self.wide(&format!("<table>\n{table}</table>"));
    }

    /// A drawing of our own making.
    pub fn svg(&mut self, svg: &str) {
        self.wide(svg);
    }

    /// Rows by columns, darker where more; `title` of a cell is what it says when it is pointed at.
    pub fn heat(&mut self, labels: &[String], cells: &[(usize, usize, usize)]) {
        let most = cells.iter().map(|(_, _, count)| *count).max().unwrap_or(1);
        let mut rows = String::new();
        for (row, label) in labels.iter().enumerate() {
            let _ = write!(rows, "<tr><td>{}</td>", escaped(label));
            for (column, other) in labels.iter().enumerate() {
                let found = cells.iter().find(|(a, b, _)| (*a, *b) == (row, column));
                let count = found.map_or(0, |(_, _, count)| *count);
                let alpha = count as f64 / most as f64;
                let hue = if row == column { 145 } else { 8 };
                let text = if count > 0 {
                    count.to_string()
                } else {
                    String::new()
                };
                let title = escaped(&format!("{label} taken for {other}: {count}"));
                let _ = write!(
                    rows,
                    "<td class=\"heat\" title=\"{title}\" \
                     style=\"background: hsla({hue}, 70%, 60%, {alpha:.2})\">{text}</td>"
                );
            }
            rows.push_str("</tr>\n");
        }
        self.wide(&format!("<table>\n{rows}</table>"));
    }

    fn wide(&mut self, content: &str) {
        let _ = writeln!(self.body, "<div class=\"scroll\">{content}</div>");
    }

    pub fn finish(self) -> String {
        format!(
            "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width\">\n<title>{}</title>\n\
             <style>{STYLE}</style>\n{}</html>\n",
            self.title, self.body
        )
    }
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            letter => escaped.push(letter),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_from_files_is_text_and_never_markup() {
        let mut page = Page::new("<b>");
        page.table(["a"], [["<script>alert(\"1\")</script>".to_owned()]]);
        page.heat(&["\"><i>".to_owned()], &[(0, 0, 1)]);
        let page = page.finish();
        assert!(!page.contains("<script") && !page.contains("<i>") && !page.contains("<b>"));
    }
}
