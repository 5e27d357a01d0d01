/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <mpglib.h>

#include "mp-fd-private.h"
#include "mp-message-private.h"
#include "mp-test.h"
#include "mp-variant-private.h"

/* --- A shareable for the tests: a descriptor and a number ------------------ */

#define TEST_TYPE_TOKEN (test_token_get_type ())
G_DECLARE_FINAL_TYPE (TestToken, test_token, TEST, TOKEN, GObject)

struct _TestToken
{
  GObject parent_instance;
  int fd;
  gint32 number;
};

static guint n_tokens;

static GVariant *
test_token_pack (MpShareable  *shareable,
                 MpPacking    *packing,
                 GError      **error)
{
  TestToken *self = TEST_TOKEN (shareable);
  int duplicate = mp_fd_duplicate (self->fd, error);

  g_assert_cmpint (duplicate, >=, 0);
  g_array_append_val (packing->fds, duplicate);

  if (self->number < 0)
    {
      g_set_error (error, MP_ERROR, MP_ERROR_NOT_SHAREABLE, "This one stays here");
      return NULL;
    }

  return g_variant_new_int32 (self->number);
}

static void
test_token_shareable_init (MpShareableInterface *iface)
{
  iface->kind = "test-token";
  iface->pack = test_token_pack;
}

G_DEFINE_FINAL_TYPE_WITH_CODE (TestToken, test_token, G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (MP_TYPE_SHAREABLE, test_token_shareable_init))

static void
test_token_finalize (GObject *object)
{
  mp_fd_close (&TEST_TOKEN (object)->fd);
  n_tokens--;

  G_OBJECT_CLASS (test_token_parent_class)->finalize (object);
}

static void
test_token_class_init (TestTokenClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = test_token_finalize;
}

static void
test_token_init (TestToken *self)
{
  n_tokens++;
}

static TestToken *
test_token_new_take (gint32 number,
                     int    fd)
{
  TestToken *self = g_object_new (TEST_TYPE_TOKEN, NULL);

  self->number = number;
  self->fd = fd;
  return self;
}

static MpShareable *
test_token_unpack (MpUnpacking  *unpacking,
                   GVariant     *description,
                   int          *fds,
                   guint         n_fds,
                   GError      **error)
{
  TestToken *self;

  if (n_fds != 1 || !g_variant_is_of_type (description, G_VARIANT_TYPE_INT32))
    {
      g_set_error (error, MP_ERROR, MP_ERROR_CORRUPTED, "Not a token");
      return NULL;
    }

  self = test_token_new_take (g_variant_get_int32 (description), fds[0]);
  fds[0] = -1;
  return MP_SHAREABLE (self);
}

/* --- Helpers --------------------------------------------------------------- */

static int
open_null (void)
{
  int fd = open ("/dev/null", O_RDWR | O_CLOEXEC);

  g_assert_cmpint (fd, >=, 0);
  return fd;
}

/* What the other end would get. */
static MpMessage *
transfer (MpMessage *message)
{
  g_autoptr (GVariant) descriptions = NULL;
  g_autoptr (GArray) fds = NULL;
  g_autoptr (GError) error = NULL;
  MpMessage *received;

  g_assert_true (mp_message_pack_attachments (message, &descriptions, &fds, &error));
  g_assert_no_error (error);

  received = mp_message_new_received (mp_message_get_wire_codec (message),
                                      mp_message_get_body_bytes (message),
                                      descriptions,
                                      fds != NULL ? (int *) fds->data : NULL,
                                      fds != NULL ? fds->len : 0,
                                      &error);
  g_assert_no_error (error);
  return received;
}

static MpMessage *
receive_bytes (const char *wire_codec,
               const void *data,
               gsize       length)
{
  g_autoptr (GBytes) body = g_bytes_new (data, length);
  g_autoptr (GError) error = NULL;
  MpMessage *message = mp_message_new_received (wire_codec, body, NULL, NULL, 0, &error);

  g_assert_no_error (error);
  return message;
}

/* Asks GVariant itself, which believes of a received value that it is. */
static void
assert_normal (GVariant *value)
{
  g_autoptr (GBytes) bytes = g_variant_get_data_as_bytes (value);
  g_autoptr (GVariant) doubted =
    g_variant_ref_sink (g_variant_new_from_bytes (g_variant_get_type (value), bytes, FALSE));

  g_assert_true (g_variant_is_normal_form (doubted));
}

static void
assert_refused (MpMessage *message)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (mp_message_get_value (message, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_CORRUPTED);
}

/* --- Bodies ---------------------------------------------------------------- */

static void
test_value (void)
{
  static const char * const texts[] = {
    "{'a': <1>, 'b': <[<2.5>, <'three'>]>}",
    "('text', uint64 18446744073709551615, @as [], @mv nothing)",
    "[true, false]",
    "@mv just <just 4>",
    "[(1.5, 2.5)]",
    "@ay []",
    "()",
  };

  for (guint i = 0; i < G_N_ELEMENTS (texts); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (GVariant) value = g_variant_parse (NULL, texts[i], NULL, NULL, &error);
      g_autoptr (MpMessage) message = NULL;
      g_autoptr (MpMessage) received = NULL;
      g_autoptr (GVariant) got = NULL;

      g_assert_no_error (error);
      message = mp_message_new (value);
      received = transfer (message);
      g_assert_cmpstr (mp_message_get_codec (received), ==, "gvariant");
      g_assert_cmpstr (mp_message_get_type_string (received), ==, g_variant_get_type_string (value));

      got = mp_message_get_value (received, &error);
      g_assert_no_error (error);
      g_assert_cmpvariant (got, value);
    }
}

static void
test_nothing (void)
{
  g_autoptr (MpMessage) message = mp_message_new (NULL);
  g_autoptr (MpMessage) constructed = g_object_new (MP_TYPE_MESSAGE, NULL);
  g_autoptr (GVariant) value = mp_message_get_value (message, NULL);
  g_autoptr (GVariant) other = mp_message_get_value (constructed, NULL);

  g_assert_cmpstr (g_variant_get_type_string (value), ==, "mv");
  g_assert_cmpuint (g_variant_n_children (value), ==, 0);
  g_assert_cmpvariant (value, other);
}

static void
test_bytes (void)
{
  g_autoptr (MpMessage) message = mp_message_new_data ((const guint8 *) "abc", 3, "pickle5");
  g_autoptr (MpMessage) received = transfer (message);
  g_autoptr (MpMessage) empty = mp_message_new_data (NULL, 0, NULL);
  g_autoptr (GError) error = NULL;
  const guint8 *data;
  gsize length;

  g_assert_cmpstr (mp_message_get_codec (received), ==, "pickle5");
  g_assert_null (mp_message_get_type_string (received));
  data = mp_message_get_payload (received, &length);
  g_assert_cmpmem (data, length, "abc", 3);

  g_assert_null (mp_message_get_value (received, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_WRONG_CODEC);

  g_assert_cmpstr (mp_message_get_codec (empty), ==, "raw");
  g_assert_nonnull (mp_message_get_payload (empty, &length));
  g_assert_cmpuint (length, ==, 0);
}

static void
test_construct (void)
{
  g_autoptr (GBytes) bytes = g_bytes_new_static ("{}", 2);
  g_autoptr (MpMessage) json = g_object_new (MP_TYPE_MESSAGE, "payload-bytes", bytes, "codec", "json", NULL);
  g_autoptr (MpMessage) raw = g_object_new (MP_TYPE_MESSAGE, "payload-bytes", bytes, NULL);
  g_autoptr (MpMessage) value = g_object_new (MP_TYPE_MESSAGE, "value", g_variant_new_int32 (5), NULL);
  g_autoptr (GVariant) got = mp_message_get_value (value, NULL);
  g_autofree char *codec = NULL;
  g_autofree char *string = mp_message_to_string (json);

  g_object_get (json, "codec", &codec, NULL);
  g_assert_cmpstr (codec, ==, "json");
  g_assert_cmpstr (mp_message_get_codec (raw), ==, "raw");
  g_assert_cmpint (g_variant_get_int32 (got), ==, 5);
  g_assert_cmpstr (string, ==, "<Mp.Message json 2 bytes>");
}

static void
test_codec_names (void)
{
  static const char * const good[] = { "raw", "pickle5", "x-y.z", "0", "abcdefghijklmnopqrstuvwxyz012345" };
  static const char * const bad[] = {
    "", "Raw", "a b", "a_b", "gvariant", "ä", "abcdefghijklmnopqrstuvwxyz0123456",
    "=", "=z", "=a", "=*", "=ii", "=(i",
  };

  for (guint i = 0; i < G_N_ELEMENTS (good); i++)
    g_assert_true (mp_message_check_wire_codec (good[i], NULL));

  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autoptr (GError) error = NULL;

      g_assert_false (mp_message_check_wire_codec (bad[i], &error));
      g_assert_error (error, MP_ERROR, MP_ERROR_CORRUPTED);
    }
}

/* --- The gate -------------------------------------------------------------- */

static void
test_not_normal (void)
{
  static const struct
  {
    const char *wire_codec;
    const char *data;
    gsize       length;
  } bodies[] = {
    { "=b", "\2", 1 },                   /* neither TRUE nor FALSE */
    { "=s", "abc", 3 },                  /* not terminated */
    { "=s", "\xff", 2 },                 /* not UTF-8 */
    { "=i", "\0\0\0", 3 },               /* too short */
    { "=ai", "\0\0\0\0\0", 5 },          /* not a whole number of elements */
    { "=a(dd)", "\0\0\0\0\0\0\0\0", 8 }, /* likewise */
    { "=as", "a\0\7", 3 },               /* offset beyond the end */
    { "=(yi)", "\1\1\0\0\1\0\0\0", 8 },  /* padding that is not zero */
    { "=v", "\0\0", 2 },                 /* a variant without a type */
    { "=v", "\0\0\0\0\0aaaaaaaaaaaa", 17 },
    { "=mi", "\0\0", 2 },
    { "=a(y())", "\1\2", 2 },            /* a unit that is not zero */
    { "=a(i())", "\1\0\0\0\7\0\0\0", 8 },
    { "=a(y())", "\1\0\3", 3 },
  };

  for (guint i = 0; i < G_N_ELEMENTS (bodies); i++)
    {
      g_autoptr (MpMessage) message = receive_bytes (bodies[i].wire_codec, bodies[i].data, bodies[i].length);
      gsize length;

      g_test_message ("%s, %" G_GSIZE_FORMAT " bytes", bodies[i].wire_codec, bodies[i].length);
      assert_refused (message);
      mp_message_get_payload (message, &length);
      g_assert_cmpuint (length, ==, bodies[i].length);
    }
}

/* Each prefix of good data and each flipped bit is taken only if it is good
 * data itself.
 */
static void
test_damaged (void)
{
  g_autoptr (GVariant) value =
    g_variant_ref_sink (g_variant_new_parsed ("{'key': <(1, 'two', [true, false], {3: 4.0})>, "
                                               "'other': <@mv nothing>}"));
  g_autoptr (GBytes) good = g_variant_get_data_as_bytes (value);
  gsize size;
  const guint8 *data = g_bytes_get_data (good, &size);

  for (gsize bit = 0; bit < size * 8; bit++)
    {
      g_autofree guint8 *damaged = g_memdup2 (data, size);
      g_autoptr (MpMessage) message = NULL;
      g_autoptr (GVariant) got = NULL;

      damaged[bit / 8] ^= (guint8) (1 << (bit % 8));
      message = receive_bytes ("=a{sv}", damaged, size);
      got = mp_message_get_value (message, NULL);
      if (got != NULL)
        assert_normal (got);
    }

  for (gsize length = 1; length < size; length++)
    {
      g_autoptr (MpMessage) message = receive_bytes ("=a{sv}", data, length);

      assert_refused (message);
    }
}

/* Has child 900 of 1000 found after the offsets of others were spoilt, to see
 * that it costs a look at its own.
 */
static void
assert_walk_is_linear (GVariant *array,
                       guint8   *offsets)
{
  g_autoptr (GVariant) child = NULL;

  g_assert_cmpuint (g_variant_n_children (array), ==, 1000);
  memset (offsets, 0xff, (gsize) 800 * 2);
  child = g_variant_get_child_value (array, 900);
  g_assert_cmpstr (g_variant_get_string (child, NULL), ==, "string 900");
}

static void
test_walk (void)
{
  g_test_summary ("Who walks through a received value pays for each child alone, not for those before it too.");

  for (guint nested = 0; nested < 2; nested++)
    {
      g_autoptr (GVariant) sent = NULL;
      g_autoptr (GVariant) got = NULL;
      g_autoptr (GBytes) body = NULL;
      g_autoptr (MpMessage) message = NULL;
      g_autoptr (GError) error = NULL;
      g_autofree guint8 *data = NULL;
      gsize array_size, size;
      GVariantBuilder builder;

      g_variant_builder_init (&builder, G_VARIANT_TYPE_STRING_ARRAY);
      for (guint i = 0; i < 1000; i++)
        g_variant_builder_add_value (&builder, g_variant_new_printf ("string %u", i));
      sent = g_variant_ref_sink (g_variant_builder_end (&builder));
      array_size = g_variant_get_size (sent);
      g_assert_cmpuint (array_size, <, 0x10000); /* so an offset has two bytes */
      if (nested)
        {
          g_autoptr (GVariant) inner = g_steal_pointer (&sent);

          sent = g_variant_ref_sink (g_variant_new_variant (inner));
        }

      size = g_variant_get_size (sent);
      data = g_memdup2 (g_variant_get_data (sent), size);
      body = g_bytes_new_static (data, size);
      message = mp_message_new_received (nested ? "=v" : "=as", body, NULL, NULL, 0, &error);
      got = mp_message_get_value (message, &error);
      g_assert_no_error (error);
      if (nested)
        {
          g_autoptr (GVariant) outer = g_steal_pointer (&got);

          got = g_variant_get_variant (outer);
        }
      assert_walk_is_linear (got, data + array_size - (gsize) 1000 * 2);
    }
}

/* Of a large tuple each flipped bit at its ends is judged as GVariant judges it. */
static void
test_damaged_tuple (void)
{
  g_autofree char *text = g_strnfill (5000, 'x');
  g_autoptr (GVariant) value =
    g_variant_ref_sink (g_variant_new ("(ysb@a(yy)s@ad(iy)@ay)", 1, "a", TRUE,
                                       g_variant_new_parsed ("[(byte 1, byte 2)]"), text,
                                       g_variant_new_parsed ("[1.5, 2.5]"), 7, 8,
                                       g_variant_new_bytestring ("bytes")));
  g_autofree char *wire_codec = g_strconcat ("=", g_variant_get_type_string (value), NULL);
  gsize size = g_variant_get_size (value);
  guint n_refused = 0, n_taken = 0;

  for (gsize byte = 0; byte <= size; byte++)
    {
      if (byte == 100)
        byte = size - 100;

      for (guint bit = 0; bit < 8; bit++)
        {
          g_autofree guint8 *damaged = g_memdup2 (g_variant_get_data (value), size);
          g_autoptr (GBytes) bytes = NULL;
          g_autoptr (GVariant) doubted = NULL;
          g_autoptr (GVariant) got = NULL;
          g_autoptr (MpMessage) message = NULL;

          if (byte < size)
            damaged[byte] ^= (guint8) (1 << bit);
          bytes = g_bytes_new (damaged, size);
          doubted = g_variant_ref_sink (g_variant_new_from_bytes (g_variant_get_type (value), bytes, FALSE));
          message = receive_bytes (wire_codec, damaged, size);
          got = mp_message_get_value (message, NULL);
          g_assert_true ((got != NULL) == g_variant_is_normal_form (doubted));
          got != NULL ? n_taken++ : n_refused++;
        }
    }
  g_assert_cmpuint (n_taken, >, 100);
  g_assert_cmpuint (n_refused, >, 100);
}

static GVariant *
nest (guint depth)
{
  GVariant *value = g_variant_new_byte (7);

  for (guint i = 0; i < depth; i++)
    value = g_variant_new_variant (value);

  return value;
}

static void
test_depth (void)
{
  g_autoptr (MpMessage) deep = mp_message_new (nest (MP_VARIANT_MAX_DEPTH));
  g_autoptr (MpMessage) too_deep = mp_message_new (nest (MP_VARIANT_MAX_DEPTH + 1));
  g_autoptr (MpMessage) received_deep = transfer (deep);
  g_autoptr (MpMessage) received_too_deep = transfer (too_deep);
  g_autoptr (GVariant) value = mp_message_get_value (received_deep, NULL);
  char type_string[MP_VARIANT_MAX_DEPTH + 4] = "=";

  g_assert_nonnull (value);
  assert_refused (received_too_deep);

  memset (type_string + 1, 'a', MP_VARIANT_MAX_DEPTH);
  type_string[MP_VARIANT_MAX_DEPTH + 1] = 'i';
  g_assert_true (mp_message_check_wire_codec (type_string, NULL));
  type_string[MP_VARIANT_MAX_DEPTH + 1] = 'a';
  type_string[MP_VARIANT_MAX_DEPTH + 2] = 'i';
  g_assert_false (mp_message_check_wire_codec (type_string, NULL));
}

/* "=((i))" */
static char *
nest_tuples (guint depth)
{
  g_autofree char *heads = g_strnfill (depth, '('), *tails = g_strnfill (depth, ')');

  return g_strconcat ("=", heads, "i", tails, NULL);
}

/* What takes twice as long for each tuple in another would take for ever. */
static void
test_deep_tuples (void)
{
  g_autofree char *deep = nest_tuples (MP_VARIANT_MAX_DEPTH);
  g_autofree char *too_deep = nest_tuples (MP_VARIANT_MAX_DEPTH + 1);
  g_autoptr (GBytes) body = g_bytes_new_static ("\7\0\0", 4);
  g_autoptr (MpMessage) message = mp_message_new_received (deep, body, NULL, NULL, 0, NULL);
  g_autoptr (MpMessage) refused = mp_message_new_received (too_deep, body, NULL, NULL, 0, NULL);
  g_autoptr (GVariant) value = mp_message_get_value (message, NULL);

  g_assert_cmpstr (g_variant_get_type_string (value), ==, deep + 1);
  g_assert_null (refused);
}

static void
test_long_type (void)
{
  char type_string[300];

  memset (type_string, 'i', sizeof type_string);
  type_string[0] = '=';
  type_string[1] = '(';
  type_string[MP_VARIANT_MAX_TYPE_LENGTH] = ')';
  type_string[MP_VARIANT_MAX_TYPE_LENGTH + 1] = '\0';
  g_assert_true (mp_message_check_wire_codec (type_string, NULL));

  type_string[MP_VARIANT_MAX_TYPE_LENGTH] = 'i';
  type_string[MP_VARIANT_MAX_TYPE_LENGTH + 1] = ')';
  type_string[MP_VARIANT_MAX_TYPE_LENGTH + 2] = '\0';
  g_assert_false (mp_message_check_wire_codec (type_string, NULL));
}

static void
test_plain (void)
{
  static const char * const plain[] = { "ay", "ad", "a(dd)", "a{ii}", "a((xx)x)" };
  static const char * const others[] = { "ab", "as", "a(id)", "aay", "y", "av", "a()", "(ii)", "ami", "a(y())",
                                         "a(i())", "a((())x)", "a{y()}" };

  for (guint i = 0; i < G_N_ELEMENTS (plain); i++)
    g_assert_true (mp_variant_is_plain (plain[i], 48));
  for (guint i = 0; i < G_N_ELEMENTS (others); i++)
    g_assert_false (mp_variant_is_plain (others[i], 48));
  g_assert_false (mp_variant_is_plain ("a((xx)x)", 40));
}

/* 64 MiB are taken as they are, in place: the walk would take seconds. */
static void
test_large_plain (void)
{
  gsize size = 64 * 1024 * 1024;
  g_autoptr (GBytes) body = g_bytes_new_take (g_malloc0 (size), size);
  g_autoptr (GError) error = NULL;
  g_autoptr (MpMessage) message = mp_message_new_received ("=ad", body, NULL, NULL, 0, &error);
  g_autoptr (GVariant) value = mp_message_get_value (message, &error);

  g_assert_no_error (error);
  g_assert_true (g_variant_get_data (value) == g_bytes_get_data (body, NULL));
  g_assert_cmpuint (g_variant_n_children (value), ==, size / sizeof (double));
}

/* --- Attachments ----------------------------------------------------------- */

static void
test_attach_object (void)
{
  g_autoptr (TestToken) token = test_token_new_take (42, open_null ());
  g_autoptr (MpMessage) message = mp_message_new (g_variant_new ("(sh)", "here it is", 0));
  g_autoptr (MpMessage) received = NULL;
  g_autoptr (MpMessage) forwarded = NULL;
  g_autoptr (MpShareable) got = NULL;
  g_autoptr (MpShareable) again = NULL;
  g_autoptr (GVariant) value = NULL;
  g_autoptr (GError) error = NULL;

  g_assert_cmpuint (mp_message_attach (message, MP_SHAREABLE (token)), ==, 0);
  received = transfer (message);
  value = mp_message_get_value (received, &error);
  g_assert_no_error (error);

  got = mp_message_get_attachment (received, 0, &error);
  g_assert_no_error (error);
  g_assert_cmpint (TEST_TOKEN (got)->number, ==, 42);
  g_assert_cmpint (TEST_TOKEN (got)->fd, !=, token->fd);
  again = mp_message_get_attachment (received, 0, NULL);
  g_assert_true (again == got);

  forwarded = transfer (received);
  g_clear_object (&again);
  again = mp_message_get_attachment (forwarded, 0, NULL);
  g_assert_cmpint (TEST_TOKEN (again)->number, ==, 42);
}

static void
test_attach_fd (void)
{
  g_autoptr (MpMessage) message = mp_message_new (NULL);
  g_autoptr (MpMessage) received = NULL;
  g_autoptr (GError) error = NULL;
  struct stat sent, got;
  int fd = open_null ();

  g_assert_cmpint (mp_message_attach_fd (message, fd, &error), ==, 0);
  g_assert_cmpint (mp_message_attach_fd (message, fd, &error), ==, 1);
  g_assert_no_error (error);
  g_assert_cmpint (fstat (fd, &sent), ==, 0);
  close (fd);

  g_assert_cmpint (mp_message_attach_fd (message, fd, &error), ==, -1);
  g_assert_error (error, MP_ERROR, MP_ERROR_FAILED);
  g_clear_error (&error);

  received = transfer (message);
  g_assert_cmpuint (mp_message_get_n_attachments (received), ==, 2);
  fd = mp_message_get_attached_fd (received, 1, &error);
  g_assert_no_error (error);
  g_assert_cmpint (fcntl (fd, F_GETFD), ==, FD_CLOEXEC);
  g_assert_cmpint (fstat (fd, &got), ==, 0);
  g_assert_cmpuint (got.st_rdev, ==, sent.st_rdev);
  close (fd);
}

static void
test_attach_wrong (void)
{
  g_autoptr (TestToken) token = test_token_new_take (1, open_null ());
  g_autoptr (MpMessage) message = mp_message_new (NULL);
  g_autoptr (MpMessage) received = NULL;
  g_autoptr (GError) error = NULL;

  mp_message_attach (message, MP_SHAREABLE (token));
  mp_message_attach_fd (message, token->fd, NULL);
  received = transfer (message);

  g_assert_cmpint (mp_message_get_attached_fd (received, 0, &error), ==, -1);
  g_assert_error (error, MP_ERROR, MP_ERROR_INVALID_STATE);
  g_clear_error (&error);
  g_assert_null (mp_message_get_attachment (received, 1, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_INVALID_STATE);
  g_clear_error (&error);
  g_assert_null (mp_message_get_attachment (received, 2, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_INVALID_STATE);
}

/* A handle in the body must have its attachment, however deep it lies. */
static void
test_handles (void)
{
  static const char * const texts[] = {
    "handle 1", "[<handle 0>, <[<handle 1>]>]", "(handle -1, 0)", "@ah [0, 1]",
  };

  for (guint i = 0; i < G_N_ELEMENTS (texts); i++)
    {
      g_autoptr (GVariant) value = g_variant_parse (NULL, texts[i], NULL, NULL, NULL);
      g_autoptr (MpMessage) message = mp_message_new (value);
      g_autoptr (MpMessage) received = NULL;
      g_autoptr (MpMessage) complete = NULL;
      g_autoptr (GVariant) got = NULL;
      int fd = open_null ();

      g_assert_nonnull (value);
      mp_message_attach_fd (message, fd, NULL);
      received = transfer (message);
      assert_refused (received);

      mp_message_attach_fd (message, fd, NULL);
      complete = transfer (message);
      got = mp_message_get_value (complete, NULL);
      g_assert_true ((got == NULL) == (i == 2));
      close (fd);
    }
}

/* Who is not asked for is still made and dropped, so that others who hold the
 * same thing hear that this holder is gone.
 */
static void
test_unasked (void)
{
  g_autoptr (TestToken) token = test_token_new_take (1, open_null ());
  g_autoptr (MpMessage) message = mp_message_new (NULL);
  g_autoptr (MpMessage) received = NULL;

  mp_message_attach (message, MP_SHAREABLE (token));
  received = transfer (message);
  g_assert_cmpuint (n_tokens, ==, 1);
  g_assert_finalize_object (g_steal_pointer (&received));
  g_assert_cmpuint (n_tokens, ==, 1);
}

static int
open_lingering (void)
{
  const struct linger hour = { 1, 3600 };
  int fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

  g_assert_cmpint (setsockopt (fd, SOL_SOCKET, SO_LINGER, &hour, sizeof hour), ==, 0);
  return fd;
}

static gboolean
lingers (int fd)
{
  struct linger linger;
  socklen_t size = sizeof linger;

  g_assert_cmpint (getsockopt (fd, SOL_SOCKET, SO_LINGER, &linger, &size), ==, 0);
  return linger.l_onoff != 0;
}

/* A socket that nobody asks for must not hold up who drops its message; any other one is
 * somebody's, and stays as it is.
 */
static void
test_lingering (void)
{
  int fd = open_lingering (), asked;
  g_autoptr (MpDescriptor) descriptor = mp_descriptor_duplicate (fd, NULL);
  MpMessage *message = mp_message_new (NULL), *received;

  g_assert_cmpint (mp_message_attach_fd (message, fd, NULL), ==, 0);
  received = transfer (message);
  asked = mp_message_get_attached_fd (received, 0, NULL);
  g_assert_finalize_object (received);
  g_assert_true (lingers (asked));
  close (asked);

  received = transfer (message);
  g_assert_finalize_object (message);
  g_assert_true (lingers (fd));
  g_assert_finalize_object (received);
  g_assert_false (lingers (fd));
  close (fd);

  message = mp_message_new (NULL);
  fd = open_lingering ();
  g_clear_object (&descriptor);
  descriptor = mp_descriptor_duplicate (fd, NULL);
  mp_message_attach (message, MP_SHAREABLE (descriptor));
  received = transfer (message);
  g_object_unref (mp_message_get_attachment (received, 0, NULL));
  g_assert_finalize_object (received);
  g_assert_true (lingers (fd));
  received = transfer (message);
  g_assert_finalize_object (message);
  g_assert_finalize_object (received);
  g_assert_false (lingers (fd));
  close (fd);
}

static void
test_not_shareable (void)
{
  g_autoptr (TestToken) good = test_token_new_take (1, open_null ());
  g_autoptr (TestToken) bad = test_token_new_take (-1, open_null ());
  g_autoptr (MpMessage) message = mp_message_new (NULL);
  g_autoptr (GVariant) descriptions = NULL;
  g_autoptr (GArray) fds = NULL;
  g_autoptr (GError) error = NULL;

  mp_message_attach (message, MP_SHAREABLE (good));
  mp_message_attach (message, MP_SHAREABLE (bad));
  g_assert_false (mp_message_pack_attachments (message, &descriptions, &fds, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_NOT_SHAREABLE);
  g_assert_null (descriptions);
  g_assert_null (fds);
}

static void
assert_attachments_refused (const char *text,
                            guint       n_fds)
{
  g_autoptr (GVariant) attachments =
    g_variant_parse (G_VARIANT_TYPE (MP_MESSAGE_PACKED_TYPE), text, NULL, NULL, NULL);
  g_autoptr (GBytes) body = g_bytes_new (NULL, 0);
  g_autoptr (MpMessage) message = NULL;
  g_autoptr (GError) error = NULL;
  int fds[4];

  g_assert_nonnull (attachments);
  for (guint i = 0; i < n_fds; i++)
    fds[i] = open_null ();

  message = mp_message_new_received ("raw", body, attachments, fds, n_fds, &error);
  g_assert_null (message);
  g_assert_error (error, MP_ERROR, MP_ERROR_CORRUPTED);
}

static void
test_descriptors_do_not_match (void)
{
  assert_attachments_refused ("[('fd', 1, <()>)]", 0);
  assert_attachments_refused ("[('fd', 1, <()>)]", 2);
  assert_attachments_refused ("[('fd', 2, <()>)]", 2);
  assert_attachments_refused ("[('fd', 0, <()>)]", 0);
  assert_attachments_refused ("[('test-token', 4294967295, <1>), ('fd', 1, <()>)]", 1);
  assert_attachments_refused ("[('test-token', 1, <1>), ('test-token', 4294967295, <1>)]", 1);
  assert_attachments_refused ("[]", 1);
}

static void
test_unknown_kind (void)
{
  g_autoptr (GVariant) attachments =
    g_variant_ref_sink (g_variant_new_parsed ("[('no\\nsuch', uint32 1, <1>)]"));
  g_autoptr (GBytes) body = g_bytes_new (NULL, 0);
  g_autoptr (MpMessage) message = NULL;
  g_autoptr (GError) error = NULL;
  int fd = open_null ();

  message = mp_message_new_received ("raw", body, attachments, &fd, 1, &error);
  g_assert_no_error (error);
  g_assert_cmpint (fd, ==, -1);
  g_assert_null (mp_message_get_attachment (message, 0, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_NOT_SUPPORTED);
  g_assert_null (strchr (error->message, '\n'));
}

int
main (int   argc,
      char *argv[])
{
  mp_test_init (&argc, &argv);
  mp_shareable_register_kind ("test-token", test_token_unpack);

  mp_test_add ("/message/value", test_value);
  mp_test_add ("/message/nothing", test_nothing);
  mp_test_add ("/message/bytes", test_bytes);
  mp_test_add ("/message/construct", test_construct);
  mp_test_add ("/message/codec-names", test_codec_names);
  mp_test_add ("/message/gate/not-normal", test_not_normal);
  mp_test_add ("/message/gate/damaged", test_damaged);
  mp_test_add ("/message/gate/damaged-tuple", test_damaged_tuple);
  mp_test_add ("/message/gate/walk", test_walk);
  mp_test_add ("/message/gate/depth", test_depth);
  mp_test_add ("/message/gate/deep-tuples", test_deep_tuples);
  mp_test_add ("/message/gate/long-type", test_long_type);
  mp_test_add ("/message/gate/plain", test_plain);
  mp_test_add ("/message/gate/large-plain", test_large_plain);
  mp_test_add ("/message/gate/handles", test_handles);
  mp_test_add ("/message/attach/object", test_attach_object);
  mp_test_add ("/message/attach/fd", test_attach_fd);
  mp_test_add ("/message/attach/wrong", test_attach_wrong);
  mp_test_add ("/message/attach/unasked", test_unasked);
  mp_test_add ("/message/attach/not-shareable", test_not_shareable);
  mp_test_add ("/message/attach/lingering", test_lingering);
  mp_test_add ("/message/attach/descriptors-do-not-match", test_descriptors_do_not_match);
  mp_test_add ("/message/attach/unknown-kind", test_unknown_kind);

  return g_test_run ();
}
