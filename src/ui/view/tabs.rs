//! The line with the names of the tabs.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::ui::dashboard::Dashboard;
use crate::ui::panel::{Panel, Tab};
use crate::ui::theme::{Role, Theme};
use crate::ui::widget::text::{self, Piece};

/// Columns between two names.
const GAP: u16 = 3;

/// Each tab with the columns of its name; those that do not fit are left out, the tab in front never.
pub fn places(dash: &Dashboard, area: Rect) -> Vec<(Tab, Rect)> {
    let tabs = Tab::of(&dash.run);
    let width = |tab: &Tab| text::width(tab.name(&dash.run)) as u16;
    let end = area.right().saturating_sub(1);
    let front = tabs.iter().position(|tab| *tab == dash.view.tab).unwrap_or(0);
    // The first tab that leaves space for the one in front.
    let first = (0..=front).find(|first| {
        let taken = tabs.iter().take(front + 1).skip(*first).map(|tab| width(tab) + GAP).sum::<u16>();
        area.x + 1 + taken <= end + GAP
    });
    let mut x = area.x + 1;
    let mut places = Vec::new();
    for tab in tabs.into_iter().skip(first.unwrap_or(front)) {
        let wide = width(&tab);
        if x + wide > end {
            break;
        }
        places.push((tab, Rect { x, width: wide, height: 1, ..area }));
        x += wide + GAP;
    }
    places
}

/// Draws the names of the tabs, and which panels are shown if there is no space for all.
pub(super) fn render(dash: &Dashboard, shown: &[(Panel, Rect)], area: Rect, buf: &mut Buffer, theme: &Theme) {
    let places = places(dash, area);
    for (tab, place) in &places {
        let style = match *tab == dash.view.tab {
            true => theme.style(Role::Selected),
            false => theme.style(Role::Dim),
        };
        let name = [(tab.name(&dash.run).into(), style)];
        text::put(buf, place.x, place.y, usize::from(place.width), &name);
    }
    let used = places.last().map_or(area.x, |(_, place)| place.right());
    let mut notes = vec![note(dash, shown, true), note(dash, shown, false)];
    // `panels 4 to 7 of 7` without the word.
    let short = notes
        .last()
        .and_then(|note| note.first())
        .and_then(|(words, role)| words.split_once(' ').map(|(_, which)| vec![(which.to_owned(), *role)]));
    notes.extend(short);
    let fitting = notes.iter().find(|note| {
        let wide = text::width_of(&styled(note, theme)) as u16;
        wide > 0 && used + GAP + wide < area.right()
    });
    if let Some(note) = fitting {
        let pieces = styled(note, theme);
        let wide = text::width_of(&pieces);
        text::put(buf, area.right() - 1 - wide as u16, area.y, wide, &pieces);
    }
}

/// Which of the tab's panels are shown, and the keys of tabs and panels.
fn note(dash: &Dashboard, shown: &[(Panel, Rect)], keys: bool) -> Vec<(String, Role)> {
    let panels = dash.view.tab.panels(&dash.run);
    let place = |panel: Option<&(Panel, Rect)>| panel.map(|(panel, _)| dash.view.number(*panel, &dash.run));
    let mut note = Vec::new();
    if let (Some(first), Some(last)) = (place(shown.first()), place(shown.last()))
        && shown.len() < panels.len()
    {
        let which =
            if first == last { format!("panel {first}") } else { format!("panels {first} to {last}") };
        note.push((format!("{which} of {}", panels.len()), Role::Dim));
    }
    if keys {
        let gap = if note.is_empty() { "" } else { " · " };
        note.extend([(gap.to_owned(), Role::Dim), ("t".to_owned(), Role::Key)]);
        note.push((" next tab".to_owned(), Role::Dim));
    }
    note
}

fn styled<'a>(note: &'a [(String, Role)], theme: &Theme) -> Vec<Piece<'a>> {
    let piece = |(words, role): &'a (String, Role)| -> Piece<'a> {
        let style: Style = theme.style(*role);
        (words.as_str().into(), style)
    };
    note.iter().map(piece).collect()
}
