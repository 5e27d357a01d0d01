/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <mpglib.h>

#include "mp-auth-key-private.h"
#include "mp-own-key-private.h"
#include "mp-secret-private.h"
#include "mp-test.h"

static MpAuthKey *
new_key (const char *text)
{
  return mp_auth_key_new_data ((const guint8 *) text, strlen (text));
}

/* --- Keys ---------------------------------------------------------------------- */

static void
test_bytes (void)
{
  guint8 secret[] = { 0, 1, 2, 0, 255 };
  g_autoptr (MpAuthKey) key = mp_auth_key_new_data (secret, sizeof secret);
  g_autoptr (GBytes) bytes = NULL;
  const guint8 *data;
  gsize size;

  memset (secret, 7, sizeof secret);
  bytes = mp_auth_key_get_bytes (key);
  data = g_bytes_get_data (bytes, &size);
  g_assert_cmpmem (data, size, "\0\1\2\0\377", 5);
  g_assert_cmpuint (mp_auth_key_get_length (key), ==, 5);
}

static void
test_outlives (void)
{
  g_autoptr (GBytes) secret = g_bytes_new_static ("a secret that is longer than the others", 40);
  MpAuthKey *key = mp_auth_key_new (secret);
  GBytes *bytes = mp_auth_key_get_bytes (key);

  g_object_unref (key);
  g_assert_cmpstr (g_bytes_get_data (bytes, NULL), ==, "a secret that is longer than the others");
  g_bytes_unref (bytes);
}

/* It is what processes that are started get, whatever its length; see test_listener.py for these. */
static void
test_own (void)
{
  g_autoptr (MpAuthKey) drawn = mp_auth_key_new_own ();
  g_autoptr (MpAuthKey) empty = mp_auth_key_new_data (NULL, 0);
  g_autoptr (GError) error = NULL;
  guint8 secret[65];

  g_assert_cmpuint (mp_auth_key_get_length (drawn), ==, 32);
  memset (secret, 7, sizeof secret);
  for (gsize size = 1; size <= sizeof secret; size += 8)
    {
      g_autoptr (MpAuthKey) key = mp_auth_key_new_data (secret, size);
      g_autoptr (MpAuthKey) own = NULL;
      gboolean is_done = mp_auth_key_make_own (key, &error);

      g_assert_true (is_done == (size <= 64));
      own = mp_auth_key_new_own ();
      g_assert_true (mp_auth_key_equal (own, key) == is_done);
    }
  g_assert_error (error, MP_ERROR, MP_ERROR_TOO_BIG);
  g_clear_error (&error);

  g_assert_false (mp_auth_key_make_own (empty, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_REFUSED);
  g_assert_true (mp_auth_key_make_own (drawn, NULL));
}

static void
test_random (void)
{
  g_autoptr (MpAuthKey) first = mp_auth_key_new_random ();
  g_autoptr (MpAuthKey) second = mp_auth_key_new_random ();

  g_assert_cmpuint (mp_auth_key_get_length (first), ==, 32);
  g_assert_false (mp_auth_key_equal (first, second));
}

static void
test_equal (void)
{
  char text[] = "0123456789abcdef";
  g_autoptr (MpAuthKey) key = new_key (text);
  g_autoptr (MpAuthKey) same = new_key (text);
  g_autoptr (MpAuthKey) shorter = mp_auth_key_new_data ((const guint8 *) text, 15);

  g_assert_true (mp_auth_key_equal (key, same));
  g_assert_false (mp_auth_key_equal (key, shorter));
  g_assert_false (mp_auth_key_equal (shorter, key));
  for (guint i = 0; i < strlen (text) * 8; i++)
    {
      g_autoptr (MpAuthKey) other = NULL;

      text[i / 8] ^= (char) (1 << i % 8);
      other = new_key (text);
      g_assert_false (mp_auth_key_equal (key, other));
      text[i / 8] ^= (char) (1 << i % 8);
    }
}

static void
test_to_string (void)
{
  g_autoptr (MpAuthKey) key = new_key ("abracadabra");
  g_autofree char *text = mp_auth_key_to_string (key);

  g_assert_cmpstr (text, ==, "<Mp.AuthKey of 11 bytes>");
}

/* What lists the properties of objects does not find it. */
static void
test_properties (void)
{
  g_autoptr (MpAuthKey) key = g_object_new (MP_TYPE_AUTH_KEY, NULL);
  GParamSpec *secret = g_object_class_find_property (G_OBJECT_GET_CLASS (key), "secret");
  guint64 length;

  g_assert_false ((secret->flags & G_PARAM_READABLE) != 0);
  g_object_get (key, "length", &length, NULL);
  g_assert_cmpuint (length, ==, 0);
}

/* --- Their memory --------------------------------------------------------------- */

/* The kernel's flags of the mapping that holds an address, or NULL if there is none. */
static char *
find_mapping_flags (gconstpointer address)
{
  g_autofree char *maps = NULL;
  g_auto (GStrv) lines = NULL;
  gboolean is_inside = FALSE;

  g_assert_true (g_file_get_contents ("/proc/self/smaps", &maps, NULL, NULL));
  lines = g_strsplit (maps, "\n", -1);
  for (guint i = 0; lines[i] != NULL; i++)
    {
      gulong from, to;

      if (sscanf (lines[i], "%lx-%lx ", &from, &to) == 2)
        is_inside = (gulong) address >= from && (gulong) address < to;
      else if (is_inside && g_str_has_prefix (lines[i], "VmFlags: "))
        return g_strdup (lines[i]);
    }

  return NULL;
}

static void
test_memory (void)
{
  MpAuthKey *key = new_key ("a secret");
  GBytes *bytes = mp_auth_key_get_bytes (key);
  gconstpointer address = g_bytes_get_data (bytes, NULL);
  g_autofree char *flags = find_mapping_flags (address);
  g_autofree char *later = NULL;

  /* dd: in no core dump; no wf: it does not become zeros in a forked child */
  g_assert_nonnull (flags);
  g_assert_nonnull (strstr (flags, " dd"));
  g_assert_null (strstr (flags, " wf"));

  g_object_unref (key);
  g_bytes_unref (bytes);
  later = find_mapping_flags (address);
  g_assert_true (later == NULL || strstr (later, " dd") == NULL);
}

static guint8
get_pattern (gsize i)
{
  return (guint8) (i * 37 + 11) ^ 0xa5;
}

static guint
count_pattern (const guint8 *from,
               const guint8 *to)
{
  guint n = 0;

  for (; from + MP_OWN_KEY_SIZE <= to; from += 4)
    {
      gsize i = 0;

      while (i < MP_OWN_KEY_SIZE && from[i] == get_pattern (i))
        i++;
      n += i == MP_OWN_KEY_SIZE;
    }
  return n;
}

#define MAX_LOOK (64 << 20)

/* By the kernel, since checkers of memory have their own about it. */
static guint
count_in_mapping (int    memory,
                  gulong from,
                  gulong to)
{
  gsize size = to - from;
  guint8 *copy;
  guint n = 0;

  if (size == 0 || size > MAX_LOOK)
    return 0;

  copy = mp_secret_new (size);
  if (pread (memory, copy, size, (off_t) from) == (gssize) size)
    n = count_pattern (copy, copy + size);
  mp_secret_free (copy, size);
  return n;
}

/* Of all private memory that this program can write to, what would be in a core dump, or not. */
static guint
count_in_memory (gboolean is_dumped)
{
  int memory = open ("/proc/self/mem", O_RDONLY | O_CLOEXEC);
  g_autofree char *maps = NULL;
  g_auto (GStrv) lines = NULL;
  gulong from = 0, to = 0;
  guint n = 0;

  g_assert_true (g_file_get_contents ("/proc/self/smaps", &maps, NULL, NULL));
  lines = g_strsplit (maps, "\n", -1);
  for (guint i = 0; lines[i] != NULL; i++)
    {
      gulong begin, end;
      char mode[5];

      if (sscanf (lines[i], "%lx-%lx %4s ", &begin, &end, mode) == 3)
        {
          from = begin;
          to = g_str_equal (mode, "rw-p") ? end : begin;
        }
      else if (g_str_has_prefix (lines[i], "VmFlags: ") && (strstr (lines[i], " dd") == NULL) == is_dumped)
        n += count_in_mapping (memory, from, to);
    }
  close (memory);
  return n;
}

/* That of the program and its children, too. */
static void
test_own_memory (void)
{
  MpOwnKey key = { .size = MP_OWN_KEY_SIZE };

  g_assert_cmpuint (count_in_memory (TRUE), ==, 0);
  for (gsize i = 0; i < MP_OWN_KEY_SIZE; i++)
    key.bytes[i] = get_pattern (i);
  mp_own_key_set (&key);
  g_assert_cmpuint (count_in_memory (TRUE), >, 0);
  explicit_bzero (&key, sizeof key);
  g_assert_cmpuint (count_in_memory (TRUE), ==, 0);
  g_assert_cmpuint (count_in_memory (FALSE), ==, 1);
}

/* --- Where they may be used ------------------------------------------------------ */

static void
assert_usable (gsize    length,
               gboolean is_local,
               gboolean is_usable)
{
  static const guint8 zeros[MP_AUTH_KEY_MIN_STRONG];
  g_autoptr (MpAuthKey) key = mp_auth_key_new_data (length > 0 ? zeros : NULL, length);
  g_autoptr (GError) error = NULL;

  g_assert_true (mp_auth_key_check (key, is_local, &error) == is_usable);
  if (is_usable)
    g_assert_no_error (error);
  else
    g_assert_error (error, MP_ERROR, MP_ERROR_REFUSED);
}

static void
test_check (void)
{
  assert_usable (0, TRUE, FALSE);
  assert_usable (0, FALSE, FALSE);
  assert_usable (1, TRUE, TRUE);
  assert_usable (MP_AUTH_KEY_MIN_STRONG - 1, TRUE, TRUE);
  assert_usable (MP_AUTH_KEY_MIN_STRONG - 1, FALSE, FALSE);
  assert_usable (MP_AUTH_KEY_MIN_STRONG, FALSE, TRUE);
}

/* --- Digests --------------------------------------------------------------------- */

static void
assert_digest (const guint8 *digest,
               const char   *expected)
{
  g_autoptr (GString) text = g_string_new (NULL);

  for (guint i = 0; i < MP_DIGEST_SIZE; i++)
    g_string_append_printf (text, "%02x", digest[i]);
  g_assert_cmpstr (text->str, ==, expected);
}

/* Test case 2 of RFC 4231, and a digest of FIPS 180-2. */
static void
test_digest (void)
{
  g_autoptr (MpAuthKey) key = new_key ("Jefe");
  const MpPiece wanted[] = { MP_PIECE_TEXT ("what do ya want "), MP_PIECE_TEXT ("for nothing?") };
  const MpPiece letters[] = { MP_PIECE_TEXT ("a"), MP_PIECE_TEXT (""), MP_PIECE_TEXT ("bc") };
  guint8 digest[MP_DIGEST_SIZE];

  mp_auth_key_hmac (key, wanted, G_N_ELEMENTS (wanted), digest);
  assert_digest (digest, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  mp_digest_sha256 (letters, G_N_ELEMENTS (letters), digest);
  assert_digest (digest, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

int
main (int   argc,
      char *argv[])
{
  mp_test_init (&argc, &argv);

  mp_test_add ("/auth-key/bytes", test_bytes);
  mp_test_add ("/auth-key/outlives", test_outlives);
  mp_test_add ("/auth-key/random", test_random);
  mp_test_add ("/auth-key/own", test_own);
  mp_test_add ("/auth-key/equal", test_equal);
  mp_test_add ("/auth-key/to-string", test_to_string);
  mp_test_add ("/auth-key/properties", test_properties);
  mp_test_add ("/auth-key/memory", test_memory);
  mp_test_add ("/auth-key/own-memory", test_own_memory);
  mp_test_add ("/auth-key/check", test_check);
  mp_test_add ("/auth-key/digest", test_digest);

  return g_test_run ();
}
