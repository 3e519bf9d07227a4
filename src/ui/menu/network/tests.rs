use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::widgets::Paragraph;

use super::*;
use crate::preset::{self, Entry};
use crate::ui::menu::tests::THEME;
use crate::ui::theme::Glyphs;
use crate::ui::widget::glyph_fallback;

fn drawn(entry: &Entry, width: usize) -> Vec<Line<'static>> {
    let length = entry.data.length;
    let network = Network { model: &entry.model, reads: &entry.reads, length, loss: "the loss" };
    lines(&network, width, &THEME)
}

fn preset(name: &str) -> Entry {
    preset::entries().unwrap().into_iter().find(|entry| entry.name == name).unwrap()
}

fn text(lines: &[Line<'_>]) -> String {
    lines.iter().map(|line| format!("{}\n", line.to_string().trim_end())).collect()
}

#[test]
fn what_a_lecture_draws_is_drawn() {
    let names = [
        "word-order",
        "lecture-rnn16-rnn8",
        "word-order-bilstm",
        "copy-memory",
        "word-order-conv1d",
        "word-order-attention",
        "tags-bilstm",
        "adding-problem",
    ];
    let all = names.map(|name| format!("{name}\n{}", text(&drawn(&preset(name), 96))));
    insta::assert_snapshot!(all.join("\n"));
}

#[test]
fn a_narrow_pane_has_fewer_steps_and_a_tiny_one_none() {
    let entry = preset("word-order");
    let narrow = drawn(&entry, 44);
    insta::assert_snapshot!(text(&narrow));
    assert!(narrow.iter().all(|line| line.width() <= 44));
    assert!(drawn(&entry, 24).is_empty());
    assert!(drawn(&Entry { model: ModelTable::default(), ..entry }, 96).is_empty());
}

#[test]
fn every_preset_is_drawn_at_every_width_with_as_many_columns() {
    for entry in preset::entries().unwrap() {
        for width in 1..140 {
            assert!(drawn(&entry, width).iter().all(|line| line.width() <= width), "{} {width}", entry.name);
        }
        let seen = text(&drawn(&entry, 140));
        assert!(seen.contains("loss") && seen.contains("time step"), "{}: {seen}", entry.name);
    }
}

#[test]
fn ascii_has_a_letter_for_every_line() {
    let lines = [drawn(&preset("word-order-bilstm"), 76), drawn(&preset("word-order-conv1d"), 76)].concat();
    let mut terminal = Terminal::new(TestBackend::new(76, lines.len() as u16)).unwrap();
    terminal
        .draw(|frame| {
            let area = frame.area();
            frame.render_widget(Paragraph::new(lines), area);
            glyph_fallback::replace(frame.buffer_mut(), area, Glyphs::Ascii);
        })
        .unwrap();
    let seen = terminal.backend().to_string();
    assert!(seen.is_ascii() && !seen.contains('?'), "{seen}");
    insta::assert_snapshot!(seen);
}
