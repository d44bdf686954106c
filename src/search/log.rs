//! What a search tells about itself, to whom its host chooses. No global logger.

/// How much a line matters. The numbers are those of the C ABI.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(i32)]
pub enum LogLevel {
    /// Something that was asked for could not be done.
    Error = 1,
    /// The search goes on, but not quite as it should.
    Warning = 2,
    /// A round that begins or ends.
    Info = 3,
    /// Details.
    Debug = 4,
}

/// Takes the lines of one search, on the thread that called in, one at a time.
pub type LogSink = Box<dyn FnMut(LogLevel, &str) + Send + Sync>;

/// Where a search's lines go, if anywhere.
#[derive(Default)]
pub(super) struct Log(pub(super) Option<LogSink>);

impl Log {
    /// The text is made only if somebody reads it.
    pub(super) fn write(&mut self, level: LogLevel, text: impl FnOnce() -> String) {
        if let Some(sink) = &mut self.0 {
            sink(level, &text());
        }
    }
}

impl std::fmt::Debug for Log {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.0.is_some() { "Log(set)" } else { "Log(none)" })
    }
}
