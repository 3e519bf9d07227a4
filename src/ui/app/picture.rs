use std::path::Path;

use ratatui::buffer::Buffer;

use super::App;
use crate::ui::screenshot;
use crate::ui::view::dashboard;

impl App<'_> {
    /// Writes the visible dashboard to the run folder, or the visible sweep to its folder, as a picture (SVG) and as text.
    pub(super) fn screenshot(&mut self) {
        match (&self.run, &self.sweep) {
            (Some(run), _) => {
                let Some(info) = run.dashboard.run.info() else { return };
                let mut buffer = Buffer::empty(self.body);
                dashboard::render(&run.dashboard, self.body, &mut buffer, &self.theme);
                let step = run.dashboard.run.latest().map_or(0, |metrics| metrics.step);
                let folder = info.folder.clone();
                self.write_picture(&buffer, &folder, &format!("screen-{step}"), "the run folder");
            }
            (None, Some(sweep)) => {
                let Some(buffer) = sweep.picture().cloned() else { return };
                let folder = sweep.folder().to_owned();
                self.write_picture(&buffer, &folder, "screen", "the folder of the sweep");
            }
            (None, None) => {}
        }
    }

    /// Writes `buffer` as `NAME.svg` and `NAME.txt` to `folder`, which is called `place`; none replaces an earlier one.
    fn write_picture(&mut self, buffer: &Buffer, folder: &Path, name: &str, place: &str) {
        let names = (1..).map(|n| if n == 1 { format!("{name}.svg") } else { format!("{name}-{n}.svg") });
        let mut paths = names.map(|name| folder.join(name));
        let Some(path) = paths.find(|path| !path.exists()) else { return };
        let text = path.with_extension("txt");
        let written = std::fs::write(&path, screenshot::svg(buffer, &self.theme))
            .map_err(|error| format!("{}: {error}", path.display()))
            .and_then(|()| {
                std::fs::write(&text, screenshot::text(buffer))
                    .map_err(|error| format!("{}: {error}", text.display()))
            });
        match written {
            // The folder is on the screen, and the keys are to stay.
            Ok(()) => {
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                self.said = Some(format!("saved {name} in {place}"));
            }
            Err(error) => self.show_message("Cannot save the screenshot", &error),
        }
    }
}
