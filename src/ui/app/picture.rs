use ratatui::buffer::Buffer;

use super::App;
use crate::ui::screenshot;
use crate::ui::view::dashboard;

impl App<'_> {
    /// Writes the visible dashboard to the run folder, as a picture (SVG) and as text.
    pub(super) fn screenshot(&mut self) {
        let Some((run, info)) = self.run.as_ref().and_then(|run| Some((run, run.dashboard.run.info()?)))
        else {
            return;
        };
        let mut buffer = Buffer::empty(self.body);
        dashboard::render(&run.dashboard, self.body, &mut buffer, &self.theme);
        let step = run.dashboard.run.latest().map_or(0, |metrics| metrics.step);
        // None replaces an earlier one.
        let names = (1..)
            .map(|n| if n == 1 { format!("screen-{step}.svg") } else { format!("screen-{step}-{n}.svg") });
        let mut paths = names.map(|name| info.folder.join(name));
        let Some(path) = paths.find(|path| !path.exists()) else { return };
        let text = path.with_extension("txt");
        let written = std::fs::write(&path, screenshot::svg(&buffer, &self.theme))
            .map_err(|error| format!("{}: {error}", path.display()))
            .and_then(|()| {
                std::fs::write(&text, screenshot::text(&buffer))
                    .map_err(|error| format!("{}: {error}", text.display()))
            });
        match written {
            // The folder is on the screen, and the keys are to stay.
            Ok(()) => {
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                self.said = Some(format!("saved {name} in the run folder"));
            }
            Err(error) => self.show_message("Cannot save the screenshot", &error),
        }
    }
}
