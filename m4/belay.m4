dnl SPDX-License-Identifier: MIT
dnl Options of belay's configure.

dnl --enable-sanitizers=LIST: compiles everything with them, or fails when a program with them cannot be
dnl linked and run. Sets SANITIZER_FLAGS.
AC_DEFUN([BELAY_SANITIZERS], [
AC_ARG_ENABLE([sanitizers],
    [AS_HELP_STRING([--enable-sanitizers=LIST], [compile with sanitizers: "address,undefined" or "thread"])],
    [], [enable_sanitizers=no])
SANITIZER_FLAGS=
AS_CASE([$enable_sanitizers],
    [no], [],
    [yes], [AC_MSG_ERROR([--enable-sanitizers wants a list: address,undefined or thread])],
    [SANITIZER_FLAGS="-fsanitize=$enable_sanitizers -fno-omit-frame-pointer"
     AS_CASE([$enable_sanitizers],
         [*undefined*], [SANITIZER_FLAGS="$SANITIZER_FLAGS -fno-sanitize-recover=undefined"])
     AC_MSG_CHECKING([whether programs with -fsanitize=$enable_sanitizers run])
     belay_save_CFLAGS=$CFLAGS
     CFLAGS="$CFLAGS $SANITIZER_FLAGS -pthread"
     AC_RUN_IFELSE([AC_LANG_PROGRAM([[#include <stdlib.h>]], [[free(malloc(1));]])],
         [AC_MSG_RESULT([yes])],
         [AC_MSG_RESULT([no])
          AC_MSG_ERROR([a program with -fsanitize=$enable_sanitizers does not link or run; see config.log])],
         [AC_MSG_RESULT([not known when cross compiling])])
     CFLAGS=$belay_save_CFLAGS])
AC_SUBST([SANITIZER_FLAGS])
])

dnl Puts one flag into WARNING_CFLAGS when the compiler knows it.
AC_DEFUN([BELAY_WARNING], [
AS_VAR_PUSHDEF([known], [belay_cv_flag_$1])
AC_CACHE_CHECK([whether $CC takes $1], [known],
    [belay_save_CFLAGS=$CFLAGS
     CFLAGS="$CFLAGS -Werror $1"
     AC_COMPILE_IFELSE([AC_LANG_PROGRAM()], [AS_VAR_SET([known], [yes])], [AS_VAR_SET([known], [no])])
     CFLAGS=$belay_save_CFLAGS])
AS_VAR_IF([known], [yes], [WARNING_CFLAGS="$WARNING_CFLAGS $1"])
AS_VAR_POPDEF([known])
])

dnl Warnings for belay's own code, never in the user's CFLAGS; --enable-werror makes them errors.
AC_DEFUN([BELAY_WARNINGS], [
AC_ARG_ENABLE([werror],
    [AS_HELP_STRING([--enable-werror], [make warnings errors])],
    [], [enable_werror=no])
WARNING_CFLAGS=
m4_foreach_w([flag],
    [-Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wwrite-strings
     -Wundef -Wvla],
    [BELAY_WARNING(flag)])
AS_IF([test "$enable_werror" = yes], [WARNING_CFLAGS="$WARNING_CFLAGS -Werror"])
AC_SUBST([WARNING_CFLAGS])
])

dnl The library's threads end with destructors of its own, so it cannot be unloaded: dlclose() would take the
dnl code away from under them. Sets NODELETE_LDFLAGS where the linker can say so.
AC_DEFUN([BELAY_NODELETE], [
AC_CACHE_CHECK([whether the linker takes -z nodelete], [belay_cv_nodelete],
    [belay_save_LDFLAGS=$LDFLAGS
     LDFLAGS="$LDFLAGS -Wl,-z,nodelete"
     AC_LINK_IFELSE([AC_LANG_PROGRAM()], [belay_cv_nodelete=yes], [belay_cv_nodelete=no])
     LDFLAGS=$belay_save_LDFLAGS])
NODELETE_LDFLAGS=
AS_IF([test "$belay_cv_nodelete" = yes], [NODELETE_LDFLAGS=-Wl,-z,nodelete])
AC_SUBST([NODELETE_LDFLAGS])
])

dnl Generated code has functions for every message, of which the library uses few: the linker drops what nobody calls.
dnl Sets SECTIONS_CFLAGS and SECTIONS_LDFLAGS where compiler and linker can.
AC_DEFUN([BELAY_SECTIONS], [
AC_CACHE_CHECK([whether what is not used can be left out], [belay_cv_sections],
    [belay_save_CFLAGS=$CFLAGS
     belay_save_LDFLAGS=$LDFLAGS
     CFLAGS="$CFLAGS -ffunction-sections -fdata-sections"
     LDFLAGS="$LDFLAGS -Wl,--gc-sections"
     AC_LINK_IFELSE([AC_LANG_PROGRAM()], [belay_cv_sections=yes], [belay_cv_sections=no])
     CFLAGS=$belay_save_CFLAGS
     LDFLAGS=$belay_save_LDFLAGS])
SECTIONS_CFLAGS=
SECTIONS_LDFLAGS=
AS_IF([test "$belay_cv_sections" = yes],
    [SECTIONS_CFLAGS="-ffunction-sections -fdata-sections"
     SECTIONS_LDFLAGS=-Wl,--gc-sections])
AC_SUBST([SECTIONS_CFLAGS])
AC_SUBST([SECTIONS_LDFLAGS])
])

dnl BELAY_BRIDGE(VARIABLE, MODULE, NAME): looks for a library to which an example is a bridge. Sets the
dnl conditional HAVE_VARIABLE, VARIABLE_CFLAGS and VARIABLE_LIBS, and says it in belay_bridges.
AC_DEFUN([BELAY_BRIDGE], [
PKG_CHECK_MODULES([$1], [$2], [belay_have_bridge=yes], [belay_have_bridge=no])
AM_CONDITIONAL([HAVE_$1], [test "$belay_have_bridge" = yes])
belay_bridges="$belay_bridges $3: $belay_have_bridge,"
])
