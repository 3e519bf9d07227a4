use ratatui::buffer::Buffer;

use super::App;
use crate::ui::screenshot;
use crate::ui::view::dashboard;

impl App<'_> {
    /// Writes the visible dashboard to an SVG file in the run folder.
    pub(super) fn screenshot(&mut self) {
        let Some((run, info)) = self.run.as_ref().and_then(|run| Some((run, run.dashboard.run.info()?)))
        else {
            return;
        };
        let mut buffer = Buffer::empty(self.body);
        dashboard::render(&run.dashboard, self.body, &mut buffer, &self.theme);
        let step = run.dashboard.run.latest().map_or(0, |metrics| metrics.step);
        let path = info.folder.join(format!("screen-{step}.svg"));
        match std::fs::write(&path, screenshot::svg(&buffer, &self.theme)) {
            Ok(()) => self.said = Some(format!("screenshot saved: {}", path.display())),
            Err(error) => {
                self.show_message("Cannot save the screenshot", &format!("{}: {error}", path.display()))
            }
        }
    }
}
