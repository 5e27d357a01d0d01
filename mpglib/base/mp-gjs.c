/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include <dlfcn.h>
#include <stdint.h>

#include "mp-gjs.h"

/* GJS before 1.81.90 takes every moment between two slices of an incremental
 * garbage collection for a part of it, and does not run the callbacks that
 * fall there: a source is removed, a signal handler skipped, a promise never
 * settled.  A program that awaits in a loop stands still within seconds.
 * With incremental collection off there are no such moments.
 *
 * GJS offers no way to set that, the engine below it does.  mpglib links
 * neither: it asks for the GJS that is in the process, if one is.  The
 * functions belong to a C++ library, hence the mangled names; their types are
 * plain, and they and the number of the parameter have been the same in every
 * engine of the versions concerned (mozjs 102 to 115).
 */
typedef struct JSContext JSContext;
typedef struct GjsContext GjsContext;

typedef GjsContext *(*GetCurrentFunc)       (void);
typedef JSContext  *(*GetNativeContextFunc) (GjsContext *context);
typedef uint32_t    (*GetParameterFunc)     (JSContext *context, int parameter);
typedef void        (*SetParameterFunc)     (JSContext *context, int parameter, uint32_t value);

#define GJS_LIBRARY "libgjs.so.0"
#define GET_PARAMETER "_Z17JS_GetGCParameterP9JSContext12JSGCParamKey"
#define SET_PARAMETER "_Z17JS_SetGCParameterP9JSContext12JSGCParamKeyj"
#define JSGC_INCREMENTAL_GC_ENABLED 5

typedef struct
{
  GetCurrentFunc       get_current;
  GetNativeContextFunc get_native_context;
  GetParameterFunc     get_parameter;
  SetParameterFunc     set_parameter;
} Engine;

static gboolean
engine_find (Engine *engine,
             void   *gjs)
{
  /* The search includes what the library depends on, the engine. */
  engine->get_current = (GetCurrentFunc) dlsym (gjs, "gjs_context_get_current");
  engine->get_native_context = (GetNativeContextFunc) dlsym (gjs, "gjs_context_get_native_context");
  engine->get_parameter = (GetParameterFunc) dlsym (gjs, GET_PARAMETER);
  engine->set_parameter = (SetParameterFunc) dlsym (gjs, SET_PARAMETER);

  return engine->get_current != NULL && engine->get_native_context != NULL &&
         engine->get_parameter != NULL && engine->set_parameter != NULL;
}

/* The parameter is a boolean: any other value says that this engine numbers
 * its parameters differently. */
static gboolean
engine_disable_incremental_gc (const Engine *engine)
{
  GjsContext *gjs_context = engine->get_current ();
  JSContext *context = NULL;

  if (gjs_context != NULL)
    context = engine->get_native_context (gjs_context);
  if (context == NULL || engine->get_parameter (context, JSGC_INCREMENTAL_GC_ENABLED) > 1)
    return FALSE;

  engine->set_parameter (context, JSGC_INCREMENTAL_GC_ENABLED, 0);
  return engine->get_parameter (context, JSGC_INCREMENTAL_GC_ENABLED) == 0;
}

/**
 * mp_gjs_disable_incremental_gc:
 *
 * Makes GJS collect garbage in one go instead of in slices.
 *
 * This function is for the JavaScript override of this library, which calls
 * it on versions of GJS before 1.81.90: those lose callbacks that are due
 * while a collection is between two slices. Call it from JavaScript, in the
 * thread that runs it.
 *
 * Returns: %TRUE if collections are not incremental from now on, %FALSE if
 *   this process runs no JavaScript, or in an engine of which this library
 *   does not know how to change that; nothing is changed then
 *
 * Since: 1.0
 */
gboolean
mp_gjs_disable_incremental_gc (void)
{
  Engine engine;
  gboolean done;
  void *gjs;

  /* Also finds a library that a plug-in loaded out of sight of others. */
  gjs = dlopen (GJS_LIBRARY, RTLD_LAZY | RTLD_NOLOAD);
  if (gjs == NULL)
    return FALSE;

  done = engine_find (&engine, gjs) && engine_disable_incremental_gc (&engine);
  dlclose (gjs);

  return done;
}
