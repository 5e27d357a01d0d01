// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright 2026 The mpglib developers
//
// Prints the SHA-256 of every file under some folders, as sha256sum does, computed by a pool of worker processes.
//
//     checksums [--workers=N] FOLDER...

bool failed = false;
int n_workers = 0;

const OptionEntry[] OPTIONS = {
  { "workers", 'w', OptionFlags.NONE, OptionArg.INT, ref n_workers, "How many processes (one a processor)", "N" },
  { null }
};

void complain (string path, string reason) {
  stderr.printf ("checksums: %s: %s\n", path, reason);
  failed = true;
}

// What the workers do.
string compute_checksum (string path) throws FileError {
  var sum = new Checksum (ChecksumType.SHA256);
  var file = FileStream.open (path, "r");
  uint8 buffer[65536];
  size_t length;

  if (file == null)
    throw new FileError.FAILED ("%s", strerror (errno));
  while ((length = file.read (buffer)) > 0)
    sum.update (buffer, length);
  if (file.error () != 0)
    throw new FileError.FAILED ("%s", strerror (errno));
  return sum.get_string ();
}

// Regular files; links are not followed.
void find_files (string path, GenericArray<string> found) {
  Posix.Stat status;

  if (Posix.lstat (path, out status) != 0)
    complain (path, strerror (errno));
  else if (Posix.S_ISREG (status.st_mode))
    found.add (path);
  if (!Posix.S_ISDIR (status.st_mode))
    return;

  try {
    var folder = Dir.open (path);
    for (unowned string? name = folder.read_name (); name != null; name = folder.read_name ())
      find_files (Path.build_filename (path, name), found);
  } catch (FileError e) {
    complain (path, e.message);
  }
}

// The line of a name that is more than a line begins with a backslash.
void print_line (string path, string sum) {
  var name = new StringBuilder (path);

  name.replace ("\\", "\\\\");
  name.replace ("\n", "\\n");
  name.replace ("\r", "\\r");
  stdout.printf ("%s%s  %s\n", name.str != path ? "\\" : "", sum, name.str);
}

void print_result (Mp.PoolResult result, GenericArray<string> paths) {
  for (int i = 0; i < paths.length; i++) {
    try {
      print_line (paths[i], result.get_item (i).get_string ());
    } catch (Error e) {
      complain (paths[i], e.message);
    }
  }
}

void show_progress (Mp.PoolResult result, double fraction, string? text) {
  var done = string.nfill ((size_t) (fraction * 40), '#');

  stderr.printf ("\r[%-40s] %3d %%", done, (int) (fraction * 100));
}

void compute (GenericArray<string> paths) {
  var loop = new MainLoop ();
  var pool = new Mp.Pool (n_workers);
  bool has_terminal = Posix.isatty (stderr.fileno ());

  var result = pool.submit_map ("checksum", new Variant.bytestring_array (paths.data));
  if (has_terminal)
    result.progress_changed.connect (show_progress);
  result.finished.connect (() => loop.quit ());
  loop.run ();

  if (has_terminal)
    stderr.puts ("\r\033[K");
  print_result (result, paths);
}

int main (string[] args) {
  // A worker is this program once more, up to here.
  Mp.register_target ("checksum", (arguments) => compute_checksum (arguments.get_value ().get_bytestring ()));
  Mp.init ();

  var context = new OptionContext ("FOLDER...");
  context.add_main_entries (OPTIONS, null);
  try {
    context.parse (ref args);
  } catch (OptionError e) {
    stderr.printf ("checksums: %s\n", e.message);
    return 2;
  }
  if (args.length < 2 || n_workers < 0) {
    stderr.printf ("checksums: which folders? (--help tells more)\n");
    return 2;
  }

  var paths = new GenericArray<string> ();
  foreach (unowned string folder in args[1:args.length])
    find_files (folder, paths);
  paths.sort (strcmp);
  compute (paths);

  return failed ? 1 : 0;
}
