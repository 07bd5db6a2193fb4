//! Metrics of the files that are read, by family: a file and those that it was rotated to.

use std::collections::HashMap;
use std::ops::AddAssign;

use crate::source::FileStats;
use spillway::contract::Metric;

use super::families::plain;
use super::own::{counter, gauge};

impl AddAssign<&FileStats> for FileStats {
    fn add_assign(&mut self, other: &FileStats) {
        self.files += other.files;
        self.open += other.open;
        self.lag_bytes += other.lag_bytes;
        self.truncations += other.truncations;
    }
}

/// The metrics of these families, one series each. Those behind the first [`FAMILIES_MAX`] are
/// summed up under the name [`OTHER`], so keep their order.
pub(super) fn metrics(files: &[FileStats]) -> Vec<Metric> {
    let families = summed(files);
    let each = |metric: &dyn Fn(&FileStats) -> Metric| {
        let labelled = families.iter().map(|stats| Metric {
            labels: vec![("family".to_owned(), stats.family.clone())],
            ..metric(stats)
        });
        labelled.collect::<Vec<_>>()
    };
    [
        each(&|stats| gauge("spillway_source_files", "Files that are known.", stats.files as f64)),
        each(&|stats| {
            gauge("spillway_source_files_open", "Files that are open.", stats.open as f64)
        }),
        each(&|stats| {
            let help = "Bytes of files that are not read yet.";
            gauge("spillway_source_lag_bytes", help, stats.lag_bytes as f64)
        }),
        each(&|stats| {
            let help = "Times a file was truncated while it was read.";
            counter("spillway_source_truncations_total", help, stats.truncations)
        }),
    ]
    .concat()
}

/// No two with one name, as a label shows it, and no more than fit.
fn summed(files: &[FileStats]) -> Vec<FileStats> {
    let mut families: Vec<FileStats> = Vec::new();
    let mut places = HashMap::new();
    for stats in files {
        let named = plain(&stats.family);
        let is_room = families.len() < FAMILIES_MAX || places.contains_key(&named);
        let family = if is_room { named } else { OTHER.to_owned() };
        let place = *places.entry(family.clone()).or_insert_with(|| {
            families.push(FileStats { family, ..FileStats::default() });
            families.len() - 1
        });
        families[place] += stats;
    }
    families
}

/// How many families have series of their own.
pub const FAMILIES_MAX: usize = 1_000;
/// The name that the others have together.
pub const OTHER: &str = "other";

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::super::Monitor;
    use super::*;

    fn stats(family: &str, lag_bytes: u64) -> FileStats {
        FileStats { family: family.to_owned(), files: 2, open: 1, lag_bytes, truncations: 3 }
    }

    fn page(files: Vec<FileStats>) -> Vec<String> {
        let monitor = Monitor::new();
        monitor.follow(Arc::new(Mutex::new(files.into())));
        let page = monitor.view().exposition();
        let is_ours = |line: &&str| line.starts_with("spillway_source_");
        page.lines().filter(is_ours).map(str::to_owned).collect()
    }

    #[test]
    fn each_family_has_its_series() {
        let wanted = [
            r#"spillway_source_files{family="/log/a.log"} 2.0"#,
            r#"spillway_source_files{family="/log/b \"ü\"\\.log"} 2.0"#,
            r#"spillway_source_files_open{family="/log/a.log"} 1.0"#,
            r#"spillway_source_files_open{family="/log/b \"ü\"\\.log"} 1.0"#,
            r#"spillway_source_lag_bytes{family="/log/a.log"} 5.0"#,
            r#"spillway_source_lag_bytes{family="/log/b \"ü\"\\.log"} 0.0"#,
            r#"spillway_source_truncations_total{family="/log/a.log"} 3.0"#,
            r#"spillway_source_truncations_total{family="/log/b \"ü\"\\.log"} 3.0"#,
        ];
        assert_eq!(page(vec![stats("/log/a.log", 5), stats("/log/b \"ü\"\\.log", 0)]), wanted);
        assert_eq!(page(vec![]), [""; 0]);
    }

    /// Names are anybody's who writes files: they break no line, and none of them hides another.
    #[test]
    fn names_that_look_alike_are_one_family() {
        let long = "x".repeat(600);
        let files = vec![
            stats("a\nb", 1),
            stats("a b", 2),
            stats(&(long.clone() + "1"), 3),
            stats(&(long + "2"), 4),
        ];
        let page = page(files);
        let lag = page.iter().filter(|line| line.starts_with("spillway_source_lag_bytes"));
        let lag: Vec<_> = lag.map(|line| line.rsplit(' ').next().unwrap()).collect();
        assert_eq!(lag, ["3.0", "7.0"]);
    }

    #[test]
    fn families_beyond_the_limit_are_summed_up() {
        let mut files: Vec<_> =
            (0..FAMILIES_MAX + 3).map(|n| stats(&format!("/log/{n}"), 1)).collect();
        // One that is called so is one of them; one that has its series keeps it.
        files.push(stats(OTHER, 10));
        files.push(stats("/log/7", 100));
        let families = summed(&files);
        assert_eq!(families.len(), FAMILIES_MAX + 1);
        let other = families.last().unwrap();
        assert_eq!((other.family.as_str(), other.lag_bytes, other.files), (OTHER, 13, 8));
        assert_eq!((families[7].lag_bytes, families[7].truncations), (101, 6));
        assert_eq!(page(files).len(), 4 * (FAMILIES_MAX + 1));
    }
}
