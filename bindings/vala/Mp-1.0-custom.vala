// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright 2026 The mpglib developers

// What the VAPI says better than the GIR can.
namespace Mp {
  public sealed class Connection : GLib.Object {
    [CCode (array_length_type = "gsize")]
    public async uint8[] receive_data_async (size_t max_length = 0, double timeout = -1,
                                             GLib.Cancellable? cancellable = null) throws GLib.Error;
    public ssize_t receive_into ([CCode (array_length_type = "gsize")] uint8[] buffer, double timeout = -1,
                                 GLib.Cancellable? cancellable = null) throws GLib.Error;
    public async ssize_t receive_into_async ([CCode (array_length_type = "gsize")] uint8[] buffer,
                                             double timeout = -1,
                                             GLib.Cancellable? cancellable = null) throws GLib.Error;
  }

  public class Queue : GLib.Object {
    [CCode (array_length_type = "gsize")]
    public async uint8[] get_payload_async (size_t max_length = 0, double timeout = -1,
                                            GLib.Cancellable? cancellable = null) throws GLib.Error;
    [CCode (array_length_type = "gsize")]
    public async uint8[] get_frame_async (double timeout = -1,
                                          GLib.Cancellable? cancellable = null) throws GLib.Error;
    public ssize_t get_into ([CCode (array_length_type = "gsize")] uint8[] buffer, double timeout = -1,
                             GLib.Cancellable? cancellable = null) throws GLib.Error;
    public async ssize_t get_into_async ([CCode (array_length_type = "gsize")] uint8[] buffer, double timeout = -1,
                                         GLib.Cancellable? cancellable = null) throws GLib.Error;
    public uint get_many_into ([CCode (array_length_type = "gsize")] uint8[] buffer,
                               [CCode (array_length_type = "guint")] size_t[] lengths, double timeout = -1,
                               GLib.Cancellable? cancellable = null) throws GLib.Error;
    public async uint get_many_into_async ([CCode (array_length_type = "gsize")] uint8[] buffer,
                                           [CCode (array_length_type = "guint")] size_t[] lengths, double timeout = -1,
                                           GLib.Cancellable? cancellable = null) throws GLib.Error;
  }
}
